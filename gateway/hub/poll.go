package hub

import "context"

// poll asks for the heads of the kept channels that somebody listens to, again
// and again. They have no tail, so this is what finds out that Redis was emptied
// or replaced, that a channel was evicted, or that a message was lost after which
// no other came. While the bus is in doubt it is done more often. It is done on new
// connections: one that is open may lead to a server that is the primary no longer,
// and as long as that one answers nothing else would show it.
func (s *source) poll(ctx context.Context) {
	for s.h.lookDue(ctx, s.recheck) {
		s.asker.askAll(true)
	}
}
