package hub

import (
	"bytes"
	"slices"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/hub/read"
)

// nothingBelow notes that the log has nothing below the ring. Who conflates then
// needs no page, however old the position; all others have to be told.
func (c *channel) nothingBelow() {
	if !c.conflates() {
		return
	}
	c.lately().ring.base = 0
	if c.at.Seq > 0 { // positions below pass over to here
		c.push(entry{seq: c.at.Seq})
	}
}

// outworn tells whether a conflated channel's ring is to be dropped for its age. It
// has the newest of each type however old they are, and what has expired in the
// log since must not be handed out for ever.
func (c *channel) outworn(now int64) bool {
	if t := c.tempo(); t != nil && t.released < c.at.Seq {
		return false // its listeners are about to be given something
	}
	return !c.manner.dropped && now-c.manner.begun > int64(c.src.h.cfg.RingAge)
}

// rewind has a dropped ring read again, for all listeners at once: the channel
// goes back, and its fill brings it to where it was. False: it was not dropped,
// but the log has more than the ring may hold.
func (c *channel) rewind() bool {
	if !c.conflates() || !c.manner.dropped {
		return false
	}
	if c.hole.asked() {
		return true // its end wakes everybody, and then
	}
	c.target = max(c.target, c.at.Seq)
	c.at.Seq -= min(c.backfill(), c.at.Seq)
	c.beginRing()
	if t := c.tempo(); t != nil {
		t.next = time.Time{} // what was shown is gone: it is shown again as soon as it is read
	}
	c.hole = filling
	c.src.ranges.Fill(c.name)
	return true
}

// beginRing empties the ring, which will be complete from here on.
func (c *channel) beginRing() {
	c.dropRing()
	if c.conflates() {
		c.manner.begun, c.manner.dropped = time.Now().UnixNano(), false
	}
}

// backfill is how many events below its head a channel begins to follow, so that
// those who join it need no page of their own: of a conflated channel as many as
// are likely to be retained, of one whose newest event greets everybody that one.
func (c *channel) backfill() uint64 {
	switch {
	case c.conflates():
		return 4 * read.RangeLimit
	case c.joinsLatest():
		return 1
	}
	return 0
}

// supersede takes out the entry that e makes out of date, the one of its type.
// Those that were deleted are a type of their own: the newest one says how far
// the ring reaches.
func (r *ring) supersede(e *entry) {
	typ := e.typ()
	for i := range r.entries {
		if old := &r.entries[i]; bytes.Equal(old.typ(), typ) {
			r.bytes -= len(old.block)
			r.entries = slices.Delete(r.entries, i, i+1)
			return
		}
	}
}

// trim takes out what retention took from the log.
func (r *ring) trim(floor uint64) {
	n := 0
	for n < len(r.entries)-1 && r.entries[n].seq <= floor {
		r.bytes -= len(r.entries[n].block)
		n++
	}
	r.entries = slices.Delete(r.entries, 0, n)
}

// newest leaves the newest event of each type in events, in place and in order.
func newest(events []event.Event) []event.Event {
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
