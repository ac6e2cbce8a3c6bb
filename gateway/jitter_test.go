package gateway

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestJitter: streams that begin together end apart, none of them much too early or
// late, and those of next to no age at all end too.
func TestJitter(t *testing.T) {
	t.Parallel()
	seen := make(map[time.Duration]bool)
	for range 100 {
		d := jitter(time.Hour)
		require.GreaterOrEqual(t, d, 54*time.Minute)
		require.LessOrEqual(t, d, 66*time.Minute)
		seen[d.Truncate(time.Minute)] = true
	}
	require.Greater(t, len(seen), 5)
	require.Equal(t, time.Duration(1), jitter(1))
}
