package fanout

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const most = 2 * time.Second

func TestBackoffGrowsWithinItsBound(t *testing.T) {
	t.Parallel()
	for failures, limit := range map[int]time.Duration{
		0:    minBackoff,
		1:    2 * minBackoff,
		4:    16 * minBackoff,
		5:    most,
		1000: most,
	} {
		requirePause(t, limit, failures, 0)
	}
	b := backoff{most: 1}
	require.Zero(t, b.next(0), "a bound below the first pause")
}

// A connection that proves itself and is lost at once, over and over, is one that
// Redis can't keep.
func TestBackoffBeginsAnewOnlyAfterAConnectionThatLasted(t *testing.T) {
	t.Parallel()
	requirePause(t, most, 10, most)
	requirePause(t, minBackoff, 10, most+1)

	b := backoff{most: most, failures: 10}
	b.next(most + 1)
	b.next(0)
	require.Equal(t, 2, b.failures)
}

// requirePause checks the range of the pause behind a connection.
func requirePause(t *testing.T, limit time.Duration, failures int, lasted time.Duration) {
	t.Helper()
	var longest time.Duration
	for range 1000 {
		b := backoff{most: most, failures: failures}
		longest = max(longest, b.next(lasted))
	}
	require.Less(t, longest, limit)
	require.Greater(t, longest, limit/2, "a thousand draws fill the range")
}
