package hub

import (
	"github.com/bellhop/bellhop/event"
)

// maxAhead bounds the frames kept beyond a hole; more are read from the log.
const maxAhead = 64

// recent is what a channel has only while something happens on it. Most channels
// of a gateway are inboxes on which nothing does, so it stands apart, and is
// dropped when it is empty. Methods that only look or take away work on nil.
type recent struct {
	ring ring
	// pushed is when the ring last grew, in nanoseconds since 1970.
	pushed int64
	ahead  map[uint64]event.Frame // frames beyond a hole
	// early is the newest position heard of while the channel's was not known,
	// or in another epoch than that. It makes sure that nothing is missed while
	// the log is being asked; the frame itself is then read from the log.
	early event.Position
	// earlyNote is the newest note heard of in that state.
	earlyNote note

	waiters []*sub // want to hear the head from a query that has not started yet
}

// lately is the channel's recent, made if need be.
func (c *channel) lately() *recent {
	if c.recent == nil {
		c.recent = &recent{ring: ring{base: c.at.Seq}}
	}
	return c.recent
}

// await has listeners hear the head from the next query that starts.
func (c *channel) await(subs ...*sub) {
	if len(subs) == 0 {
		return
	}
	r := c.lately()
	r.waiters = append(r.waiters, subs...)
}

// rest drops the channel's recent if there is nothing in it.
func (c *channel) rest() {
	if r := c.recent; r != nil && len(r.ring.entries) == 0 && len(r.ahead) == 0 && len(r.waiters) == 0 && r.early == (event.Position{}) && r.earlyNote.Note == nil {
		c.recent = nil
	}
}

// kept is the channel's ring. Without one, positions below the head need the log.
func (c *channel) kept() ring {
	if c.recent == nil {
		return ring{base: c.at.Seq}
	}
	return c.recent.ring
}

func (r *recent) clearAhead() {
	if r != nil {
		r.ahead = nil
	}
}

// keepAhead keeps a frame beyond a hole, if there is room.
func (r *recent) keepAhead(seq uint64, f event.Frame) {
	if len(r.ahead) >= maxAhead {
		return
	}
	if r.ahead == nil {
		r.ahead = make(map[uint64]event.Frame)
	}
	r.ahead[seq] = f
}

// takeAhead takes the frame of seq out of those beyond a hole, and drops the
// ones below it, which have come another way. Nil: it is not there.
func (r *recent) takeAhead(seq uint64) event.Frame {
	if r == nil || len(r.ahead) == 0 {
		return nil
	}
	f := r.ahead[seq]
	delete(r.ahead, seq)
	for s := range r.ahead {
		if s < seq {
			delete(r.ahead, s)
		}
	}
	if len(r.ahead) == 0 {
		r.ahead = nil
	}
	return f
}

// heardOf is early.
func (r *recent) heardOf() event.Position {
	if r == nil {
		return event.Position{}
	}
	return r.early
}
