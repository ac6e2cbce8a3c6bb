package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A fail-over is believed at once, and one back only when nobody answers in between.
func TestServersByTurnsAreRivals(t *testing.T) {
	t.Parallel()
	var r rivals
	start := time.Now()
	at := start.Add
	require.NoError(t, r.take("a", at(0)))
	require.NoError(t, r.take("b", at(time.Second)), "a fail-over")
	err := r.take("a", at(2*time.Second))
	require.ErrorIs(t, err, ErrRivals)
	require.ErrorIs(t, err, ErrNotPrimary)
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, ": a, and b")
	require.NoError(t, r.take("b", at(3*time.Second)))
	require.ErrorIs(t, r.allows("a", at(3*time.Second+rivalSilence-1)), ErrRivals)
	require.NoError(t, r.take("a", at(3*time.Second+rivalSilence)), "b is gone")

	// Peace comes when nothing was refused for a while, not while they go on.
	now := at(3*time.Second + rivalSilence)
	for since := now; now.Sub(since) < 3*rivalPeace; now = now.Add(rivalSilence / 2) {
		require.NoError(t, r.take("a", now))
		require.ErrorIs(t, r.take("b", now.Add(time.Second)), ErrRivals)
	}
	require.NoError(t, r.take("a", now.Add(rivalPeace)))
	require.NoError(t, r.take("b", now.Add(rivalPeace+time.Second)))

	require.ErrorIs(t, r.take("c", now.Add(rivalPeace+2*time.Second)), ErrRivals)
	r.forget()
	require.NoError(t, r.take("c", now.Add(rivalPeace+2*time.Second)), "somebody said that it is another address")
}

// Two programs that believe two servers with the same rows take the epoch from one another
// once, and not by turns.
func TestTheEpochIsTakenBackOnce(t *testing.T) {
	t.Parallel()
	var r rivals
	start := time.Now()
	require.NoError(t, r.take("a", start))
	require.NoError(t, r.retakes("a", "b", start))
	r.retaken("a", start)
	err := r.retakes("a", "b", start.Add(rivalPeace-1))
	require.ErrorIs(t, err, ErrRivals)
	require.ErrorContains(t, err, ": a, which is believed here, and b,")
	require.NoError(t, r.retakes("a", "", start), "the first epoch")
	require.NoError(t, r.retakes("c", "a", start), "a fail-over is judged by others")
	require.NoError(t, r.retakes("a", "b", start.Add(rivalPeace)))

	var failedOver rivals
	require.NoError(t, failedOver.take("a", start))
	failedOver.retaken("b", start)
	require.NoError(t, failedOver.take("b", start), "a fail-over is believed at once")
}
