package track

import (
	"slices"
	"time"

	"github.com/bellhop/bellhop/event"
)

// recent is what a channel has only while something happens on it. Most channels of a
// gateway are inboxes on which nothing does, so it stands apart, and is dropped when it
// is empty.
type recent struct {
	ring  ring
	ahead map[uint64]event.Frame // frames beyond a gap
	// rewritten is how far a deletion concerned the channel. Up to there events are
	// taken from the log alone.
	rewritten uint64
	// old is how far a fill brings what was there before it was asked for: it is late for
	// nobody.
	old uint64
	// early is the newest position heard of while the channel's was not known, or
	// in another epoch than that. It makes sure that nothing is missed while the log
	// is being asked; the frame itself is then read from the log.
	early     event.Position
	earlyNote Note     // the newest note heard of in that state
	waiters   []Waiter // want to hear the head from a query that has not started yet
	merged    *merged  // of a channel that conflates; nil: of others
}

// nothing is the recent of channels without one, to be looked at.
var nothing recent

// look is the channel's recent, not to be changed.
func (c *Channel) look() *recent {
	if c.recent == nil {
		return &nothing
	}
	return c.recent
}

// use is the channel's recent, made if need be.
func (c *Channel) use() *recent {
	if c.recent == nil {
		c.recent = &recent{ring: ring{base: c.filled.Seq}}
		if c.rules.Conflate {
			c.recent.merged = new(merged)
		}
	}
	return c.recent
}

// kept is the channel's ring. Without one, positions below Filled need the log.
func (c *Channel) kept() ring {
	if c.recent == nil {
		return ring{base: c.filled.Seq}
	}
	return c.recent.ring
}

// await has listeners hear the head from the next query that starts. Those who have
// left meanwhile don't.
func (c *Channel) await(waiters ...Waiter) {
	for _, w := range waiters {
		if gone(w) {
			continue
		}
		r := c.use()
		if n := len(r.waiters); n > 8 && n == cap(r.waiters) { // maybe no query starts, and many have left
			r.waiters = slices.DeleteFunc(r.waiters, gone)
		}
		r.waiters = append(r.waiters, w)
	}
}

// gone tells whether a listener has left its channel.
func gone(w Waiter) bool { return w.Waiting().left() }

// Awaited tells whether somebody waits for an answer about the channel.
func (c *Channel) Awaited() bool { return len(c.look().waiters) > 0 }

// shrink drops the channel's recent if there is nothing in it.
func (c *Channel) shrink() {
	if r := c.recent; r != nil && len(r.ring.entries) == 0 && len(r.ahead) == 0 && len(r.waiters) == 0 && r.merged == nil &&
		r.early == (event.Position{}) && r.earlyNote.Note == nil && max(r.rewritten, r.old) <= c.filled.Seq {
		c.recent = nil
	}
}

// dropAnnounced forgets what came of events beyond Filled: their frames, and how far a
// deletion among them reached. The caller has set announced.
func (c *Channel) dropAnnounced() {
	if c.recent != nil {
		c.recent.ahead, c.recent.rewritten = nil, 0
	}
}

// dropRing forgets the entries kept: positions below Filled need the log.
func (c *Channel) dropRing() {
	r := c.recent
	if r == nil {
		return
	}
	r.ring = ring{base: c.filled.Seq}
	if m := r.merged; m != nil {
		m.shown, m.dropped = r.ring, true
	}
}

// expire drops what the ring has kept for longer than age.
func (c *Channel) expire(age time.Duration, at Moment) {
	r := c.look()
	before := at.Now.Add(-age).UnixNano()
	switch n := len(r.ring.entries); {
	case n == 0:
	case r.ring.entries[n-1].pushed < before, r.merged != nil && c.outworn(at):
		c.dropRing()
	case r.merged == nil:
		r.ring.expire(before)
	}
	c.shrink()
}

// Memory is what a channel keeps while something happens on it.
type Memory struct {
	Bytes   int    // that the ring takes
	Frames  int    // in the ring, of FrameBytes
	Above   uint64 // the seq that the ring begins after
	Ahead   int    // frames beyond a gap
	Waiters int
	Timer   bool // PeriodOver will be called

	FrameBytes int
}

// Memory is what the channel keeps; nothing: there is nothing of it.
func (c *Channel) Memory() (m Memory, nothing bool) {
	r := c.look()
	return Memory{
		Bytes: r.ring.size(), Frames: len(r.ring.entries), FrameBytes: r.ring.bytes, Above: r.ring.base,
		Ahead: len(r.ahead), Waiters: len(r.waiters), Timer: r.merged != nil && r.merged.armed,
	}, c.recent == nil
}

// minRingAge is what rings keep however much that is: listeners who follow need a
// moment to take it.
const minRingAge = time.Second

// NextAge is how long rings may keep entries from now on, after bytes were left with
// age and a total of them is allowed: what they hold grows with that time.
func (l *Limits) NextAge(age time.Duration, bytes, total int) time.Duration {
	if bytes > total {
		return max(time.Duration(float64(age)*float64(total)/float64(bytes)), minRingAge)
	}
	if bytes > total/2 {
		return age
	}
	return min(2*age, l.RingAge)
}
