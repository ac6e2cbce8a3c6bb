package fanout

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBackoffGrowsWithinItsBound(t *testing.T) {
	t.Parallel()
	for failures, limit := range map[int]time.Duration{
		0:    minBackoff,
		1:    2 * minBackoff,
		4:    16 * minBackoff,
		5:    2 * time.Second,
		1000: 2 * time.Second,
	} {
		var longest time.Duration
		for range 1000 {
			longest = max(longest, backoff(failures, 2*time.Second))
		}
		require.Less(t, longest, limit)
		require.Greater(t, longest, limit/2, "a thousand draws fill the range")
	}
}
