package hub

import (
	"cmp"
	"slices"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/hub/read"
	"github.com/bellhop/bellhop/store"
)

// pageBytes is about how much of a page a stream holds at a time. A stream
// asks for a page when its socket can take bytes, and for the next one when
// the last was written, so this bounds what a slow client costs.
const pageBytes = 64 << 10

// page is what a stream gets to replay.
type page struct {
	floor   uint64
	last    uint64
	entries []entry // above the position of the request
}

// RangeStart implements read.Handler. Where a fill goes on from: the bus may have
// moved the head since it was asked for. And a version: a replica that has the
// events, but not yet a deletion among them, is behind.
func (s *source) RangeStart(r *read.Range) bool {
	c := s.h.find(r.Channel)
	if c == nil {
		return false // given up; its streams are closed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r.Own = c
	if r.Fill {
		if !c.hole.asked() {
			return false // another channel of this name had asked
		}
		r.After, r.Epoch, r.Through = c.at.Seq, c.at.Epoch, c.target
	}
	if r.Epoch == c.at.Epoch {
		r.Version = c.tally.version
	}
	return true
}

// RangeDone implements read.Handler.
func (s *source) RangeDone(r *read.Range, p *store.Page) {
	c := r.Own.(*channel) //nolint:errcheck,forcetypeassert // set by RangeStart
	if r.Fill {
		c.filled(event.Position{Epoch: r.Epoch, Seq: r.After}, p)
		return
	}
	if p.Epoch != r.Epoch && !p.Stale {
		// The primary lives in another epoch: find out, then go on.
		c.askNow(true)
	}
	if p.Epoch != r.Epoch || (p.Last == r.After && p.Last < r.Through && p.Floor <= r.After) {
		// Nothing to go on with: the epoch changes, or the replica that stands
		// in for the primary does not have it yet.
		time.AfterFunc(read.RangeBackoff, func() {
			for _, q := range r.Requests {
				turn(q, nil)
			}
		})
		return
	}
	events := p.Events
	if c.conflates() {
		events = newest(events)
	}
	entries := make([]entry, len(events))
	for i := range events {
		e := &events[i]
		entries[i] = newEntry(c.name, event.Position{Epoch: p.Epoch, Seq: e.Seq}, event.NewFrame(e), viaReplay)
	}
	for _, q := range r.Requests {
		switch {
		case q.At.Epoch != r.Epoch:
			turn(q, nil) // it will see for itself
		case q.At.Seq >= p.Last && p.Last < p.Seq:
			s.ranges.Read(c.name, q) // beyond the end of this page
		default:
			turn(q, cut(p, entries, q.At.Seq))
		}
	}
}

// turn answers a listener's request: with a page, or with nil to look again.
func turn(q read.Request, p *page) {
	b := q.For.(*sub) //nolint:errcheck,forcetypeassert // sub.advance makes them
	b.stream.turn(b, p)
}

// cut takes the part of a page that follows a position, of about pageBytes.
func cut(p *store.Page, entries []entry, after uint64) *page {
	first, _ := slices.BinarySearchFunc(entries, after+1, func(e entry, seq uint64) int {
		return cmp.Compare(e.seq, seq)
	})
	out := &page{floor: p.Floor, last: max(p.Last, after), entries: entries[first:]}
	size := 0
	for i := range out.entries {
		if size += len(out.entries[i].block); size >= pageBytes && i+1 < len(out.entries) {
			out.last = out.entries[i].seq
			// A copy, so that a slow stream keeps no more alive than it will send.
			out.entries = slices.Clone(out.entries[:i+1])
			break
		}
	}
	return out
}
