package hub

import (
	"context"
	"time"
)

// poll asks for the heads of the kept channels that somebody listens to, again
// and again. They have no tail, so this is what finds out that Redis was emptied
// or replaced, that a channel was evicted, or that a message was lost after which
// no other came. While the bus is in doubt it is done more often. It is done on new
// connections: one that is open may lead to a server that is the primary no longer,
// and as long as that one answers nothing else would show it.
func (s *source) poll(ctx context.Context) {
	for s.pollWait(ctx) {
		s.asker.askAll(true)
	}
}

// pollWait returns when the next look is due; false if ctx ended.
func (s *source) pollWait(ctx context.Context) bool {
	d := s.h.cfg.TailPeriod
	if s.h.inDoubt() {
		d = min(d, s.h.cfg.TailSuspect)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.recheck:
	case <-ctx.Done():
		return false
	}
	return pause(ctx, min(tailDebounce, s.h.cfg.TailSuspect))
}

// soon asks for a look at all kept channels now.
func (s *source) soon() {
	select {
	case s.recheck <- struct{}{}:
	default:
	}
}
