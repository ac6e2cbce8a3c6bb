package hub

import (
	"context"
	"time"
)

// lookDebounce gathers the doubts of many channels into one look at a log.
const lookDebounce = 20 * time.Millisecond

// signal wakes a loop that waits. Many are one, and one that comes while nobody
// waits is kept.
type signal chan struct{}

func newSignal() signal { return make(signal, 1) }

func (s signal) raise() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// lookDue waits until a log is to be looked at again: after a period, which is
// shorter while the bus is in doubt, or soon after somebody asked for it. False:
// ctx ended.
func (h *Hub) lookDue(ctx context.Context, asked signal) bool {
	d := h.cfg.TailPeriod
	if h.inDoubt() {
		d = min(d, h.cfg.TailSuspect)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-asked:
	case <-ctx.Done():
		return false
	}
	return pause(ctx, min(lookDebounce, h.cfg.TailSuspect))
}

// pause waits for d, or until ctx ends; it tells whether the wait was whole.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
