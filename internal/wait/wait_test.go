package wait_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/wait"
)

// TestJitter: what begins together ends apart, none of it much too early or late, and
// what has next to no time at all ends too.
func TestJitter(t *testing.T) {
	t.Parallel()
	seen := make(map[time.Duration]bool)
	for range 100 {
		d := wait.Jitter(time.Hour)
		require.GreaterOrEqual(t, d, 54*time.Minute)
		require.LessOrEqual(t, d, 66*time.Minute)
		seen[d.Truncate(time.Minute)] = true
	}
	require.Greater(t, len(seen), 5)
	require.Equal(t, time.Duration(1), wait.Jitter(1))
}

func TestForEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.True(t, wait.For(ctx, 0))
		require.True(t, wait.For(ctx, 400*time.Millisecond))
		began := time.Now()
		require.False(t, wait.For(ctx, time.Minute))
		require.Equal(t, 600*time.Millisecond, time.Since(began))
		require.False(t, wait.For(ctx, 0))
	})
}

// TestTaskTellsWhereFailuresBeginAndEnd, whatever it leaves out in between, and nothing
// of a failure that is its own end.
func TestTaskTellsWhereFailuresBeginAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		bad := errors.New("away")
		left := []error{nil, bad, bad, wait.ErrIdle, bad, nil, nil, bad, context.Canceled}
		var told []string
		began := time.Now()
		wait.Task{
			Do: func(context.Context) (time.Duration, error) {
				err := left[0]
				if left = left[1:]; len(left) == 0 {
					cancel()
				}
				return time.Second, err
			},
			Failed: func(err error, first bool) {
				require.Equal(t, bad, err)
				told = append(told, map[bool]string{true: "begins", false: "goes on"}[first])
			},
			Recovered: func() { told = append(told, "ends") },
		}.Run(ctx)
		require.Equal(t, []string{"begins", "goes on", "goes on", "ends", "begins"}, told)
		require.Equal(t, 8*time.Second, time.Since(began))
	})
}
