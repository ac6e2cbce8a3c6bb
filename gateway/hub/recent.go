package hub

import (
	"slices"
	"time"

	"github.com/bellhop/bellhop/event"
)

// minRingAge is what rings keep however much that is: listeners who follow need
// a moment to take it.
const minRingAge = time.Second

// maxAhead bounds the frames kept beyond a hole; more are read from the log.
const maxAhead = 64

// recent is what a channel has only while something happens on it. Most channels
// of a gateway are inboxes on which nothing does, so it stands apart, and is
// dropped when it is empty. Methods that only look or take away work on nil.
type recent struct {
	ring  ring
	ahead map[uint64]event.Frame // frames beyond a hole
	// rewritten is how far a deletion concerned the channel. Up to there events
	// are taken from the log alone.
	rewritten uint64
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

// await has listeners hear the head from the next query that starts. Those who
// have left meanwhile don't.
func (c *channel) await(subs ...*sub) {
	for _, s := range subs {
		if s.index < 0 {
			continue
		}
		r := c.lately()
		if len(r.waiters) > 2*len(c.subs)+8 { // no query starts, and many have left
			r.waiters = slices.DeleteFunc(r.waiters, gone)
		}
		r.waiters = append(r.waiters, s)
	}
}

// gone tells whether a listener has left its channel.
func gone(s *sub) bool { return s.index < 0 }

// awaited tells whether somebody waits for an answer about the channel.
func (c *channel) awaited() bool { return c.recent != nil && len(c.recent.waiters) > 0 }

// rest drops the channel's recent if there is nothing in it.
func (c *channel) rest() {
	if r := c.recent; r != nil && len(r.ring.entries) == 0 && len(r.ahead) == 0 && len(r.waiters) == 0 &&
		r.early == (event.Position{}) && r.earlyNote.Note == nil && r.rewritten <= c.at.Seq {
		c.recent = nil
	}
}

// expire drops what the ring has kept for longer than age.
func (c *channel) expire(now int64, age time.Duration) {
	r := c.recent
	if r == nil {
		return
	}
	before := now - int64(age)
	switch n := len(r.ring.entries); {
	case n == 0:
	case r.ring.entries[n-1].pushed < before, c.conflates() && c.outworn(now):
		c.dropRing()
	case !c.conflates():
		r.ring.expire(before)
	}
	c.rest()
}

// nextAge is how long rings may keep entries from now on, after bytes were left
// with age: what they hold grows with that time.
func nextAge(age time.Duration, bytes int, cfg *Config) time.Duration {
	if bytes > cfg.RingTotal {
		return max(time.Duration(float64(age)*float64(cfg.RingTotal)/float64(bytes)), minRingAge)
	}
	if bytes > cfg.RingTotal/2 {
		return age
	}
	return min(2*age, cfg.RingAge)
}

// kept is the channel's ring. Without one, positions below the head need the log.
func (c *channel) kept() ring {
	if c.recent == nil {
		return ring{base: c.at.Seq}
	}
	return c.recent.ring
}

// ringSize is what the ring takes of memory, in bytes.
func (c *channel) ringSize() int {
	if c.recent == nil {
		return 0
	}
	return c.recent.ring.size()
}

func (r *recent) clearAhead() {
	if r != nil {
		r.ahead = nil
	}
}

// unsay forgets what was announced beyond the head.
func (r *recent) unsay() {
	if r != nil {
		r.ahead, r.rewritten = nil, 0
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

// rewrittenTo is rewritten.
func (r *recent) rewrittenTo() uint64 {
	if r == nil {
		return 0
	}
	return r.rewritten
}

// heardOf is early.
func (r *recent) heardOf() event.Position {
	if r == nil {
		return event.Position{}
	}
	return r.early
}
