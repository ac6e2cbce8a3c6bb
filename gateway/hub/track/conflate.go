package track

import (
	"bytes"
	"slices"
	"time"

	"github.com/bellhop/bellhop/event"
)

// merged is what a channel that conflates has besides its ring: what it needs to have
// dropped rings read again for all, and the state of its rate limit.
type merged struct {
	begun   int64 // when the first entry was put into the ring, in nanoseconds since 1970
	dropped bool  // the ring was dropped, so that the log has more than is in it

	// Of the rate limit. What comes within a period is merged in the ring, once for
	// all listeners.
	armed bool      // PeriodOver will be called; a quiet channel does not need it
	next  time.Time // nothing is released before
	// released is how far listeners that are live may read, and shown what the ring
	// held then. The ring itself goes on: were they served from it, one that is
	// served late would find what was released superseded by what is not, and get
	// nothing, period after period.
	released uint64
	shown    ring
}

// restart forgets what was released.
func (m *merged) restart() { m.next, m.released, m.shown = time.Time{}, 0, ring{} }

// limited is the state of the channel's rate limit; nil: it has none.
func (c *Channel) limited() *merged {
	if !c.rules.limited() {
		return nil
	}
	return c.use().merged
}

// release lets the listeners have what was pushed: at once, or when the period is over
// that began when they were last given something.
func (c *Channel) release(at Moment, fx *Effects) {
	m := c.limited()
	switch {
	case m == nil:
		fx.Do |= Wake
	case m.armed:
	case m.next.After(at.Now):
		m.armed = true
		fx.Do |= AwaitPeriod
		fx.Period = m.next.Sub(at.Now)
	default:
		c.show(m, at, fx)
	}
}

// PeriodOver says that a period of the rate limit is over.
func (c *Channel) PeriodOver(at Moment) (fx Effects) {
	m := c.limited()
	if m.armed && c.filled.Seq > m.released {
		c.show(m, at, &fx)
	}
	m.armed = false
	return fx
}

func (c *Channel) show(m *merged, at Moment, fx *Effects) {
	m.released, m.next = c.filled.Seq, at.Now.Add(time.Second/time.Duration(c.rules.MaxRate))
	m.shown = c.kept()
	m.shown.entries = slices.Clone(m.shown.entries)
	fx.Do |= Wake
}

// readable is what a listener at seq may read, and how far. One that has not been given
// yet all that its join promised, up to reach, need not wait for a period.
func (c *Channel) readable(seq, reach uint64) (ring, uint64) {
	if c.rules.limited() && seq >= reach {
		if m := c.look().merged; m != nil {
			return m.shown, m.released
		}
		return ring{}, 0
	}
	return c.kept(), c.filled.Seq
}

// nothingBelow notes that the log has nothing below the ring. Who conflates then needs
// no page, however old the position; all others have to be told.
func (c *Channel) nothingBelow(at Moment) {
	if !c.rules.Conflate {
		return
	}
	c.use().ring.base = 0
	if c.filled.Seq > 0 { // positions below pass over to here
		c.push(Entry{Seq: c.filled.Seq}, at)
	}
}

// outworn tells whether the ring of a channel that conflates is to be dropped for its
// age. It has the newest of each type however old they are, and what has expired in the
// log since must not be handed out for ever.
func (c *Channel) outworn(at Moment) bool {
	m := c.recent.merged
	if c.rules.limited() && m.released < c.filled.Seq {
		return false // its listeners are about to be given something
	}
	return !m.dropped && at.Now.UnixNano()-m.begun > int64(at.RingAge)
}

// refillable tells whether the ring was dropped, so that it can be read again for all
// listeners at once. False: the log has more than the ring may hold.
func (c *Channel) refillable() bool {
	m := c.look().merged
	return m != nil && m.dropped
}

// refill has a dropped ring read again: the channel goes back, and its fill brings it
// to where it was.
func (c *Channel) refill() Do {
	if c.gap.asked() {
		return 0 // when that read ends everybody is woken, and Read comes here again
	}
	c.announced = max(c.announced, c.filled.Seq)
	c.recent.old = max(c.recent.old, c.filled.Seq)
	c.filled.Seq -= min(c.backfill(), c.filled.Seq)
	c.beginRing()
	c.recent.merged.next = time.Time{} // what was shown is gone: it is shown again as soon as it is read
	c.gap = gapFilling
	return Fill
}

// beginRing empties the ring, which will be complete from here on.
func (c *Channel) beginRing() {
	if c.rules.Conflate {
		c.use()
	}
	c.dropRing()
	if c.rules.Conflate {
		c.recent.merged.begun, c.recent.merged.dropped = 0, false
	}
}

// backfillMost is how many events of a channel that conflates are likely to be all that
// matter.
const backfillMost = 1024

// backfill is how many events below its head a channel begins to follow, so that those
// who join it need no page of their own: of a channel that conflates as many as are
// likely to be retained, of one whose newest event greets everybody that one.
func (c *Channel) backfill() uint64 {
	switch {
	case c.rules.Conflate:
		return backfillMost
	case c.rules.JoinLatest:
		return 1
	}
	return 0
}

// supersede takes out the entry that e makes out of date, the one of its type. Those
// that were deleted are a type of their own: the newest one says how far the ring
// reaches.
func (r *ring) supersede(e *Entry) {
	typ := e.typ()
	for i := range r.entries {
		if old := &r.entries[i]; bytes.Equal(old.typ(), typ) {
			r.bytes -= len(old.Block)
			r.entries = slices.Delete(r.entries, i, i+1)
			return
		}
	}
}

// trim takes out what retention took from the log.
func (r *ring) trim(floor uint64) {
	n := 0
	for n < len(r.entries)-1 && r.entries[n].Seq <= floor {
		r.bytes -= len(r.entries[n].Block)
		n++
	}
	r.entries = slices.Delete(r.entries, 0, n)
}

// Newest leaves the newest event of each type in events, in place and in order.
func Newest(events []event.Event) []event.Event {
	seen := make(map[string]struct{}, 4)
	next := len(events)
	for _, e := range slices.Backward(events) {
		if _, twice := seen[e.Type]; twice {
			continue
		}
		seen[e.Type] = struct{}{}
		next--
		events[next] = e
	}
	return events[next:]
}
