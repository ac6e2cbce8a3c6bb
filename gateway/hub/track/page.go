package track

import (
	"cmp"
	"slices"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// pageBytes is about how much of a page a stream holds at a time. A stream asks for a
// page when its socket can take bytes, and for the next one when the last was written,
// so this bounds what a slow client costs.
const pageBytes = 64 << 10

// Page is what a stream gets to replay.
type Page struct {
	Floor   uint64
	last    uint64  // how far the page reaches
	entries []Entry // above the position of the request
}

// Useful decides what a page is worth for those who asked for a range. ask: its primary
// lives in another epoch, so the log is to be asked for the head. retry: there is nothing
// to go on with, since the epoch changes, or the replica that stands in for the primary
// does not have it yet; who asked looks again after a pause.
func Useful(r *store.Range, p *store.Page) (ask, retry bool) {
	other := p.Epoch != r.Epoch
	return other && !p.Stale, other || p.Last == r.After && p.Last < r.Through && p.Floor <= r.After
}

// Replay renders the events of a page, for all who asked for it.
func (c *Channel) Replay(p *store.Page, limits *Limits) []Entry {
	events := p.Events
	if c.rules.Conflate {
		events = Newest(events)
	}
	entries := make([]Entry, len(events))
	for i := range events {
		e := &events[i]
		entries[i] = newEntry(c.name, event.Position{Epoch: p.Epoch, Seq: e.Seq}, event.NewFrame(e), ViaReplay)
		limits.mark(&entries[i], c.name, p.Epoch)
	}
	return entries
}

// Beyond tells whether a position lies beyond the end of a page, so that its listener
// needs another one.
func Beyond(at event.Position, p *store.Page) bool { return at.Seq >= p.Last && p.Last < p.Seq }

// Cut takes the part of a page that follows a position, of about pageBytes. Nil: the page
// is of another epoch, and its listener is to look for itself.
func Cut(r *store.Range, p *store.Page, entries []Entry, at event.Position) *Page {
	if at.Epoch != r.Epoch {
		return nil
	}
	first, _ := slices.BinarySearchFunc(entries, at.Seq+1, func(e Entry, seq uint64) int { return cmp.Compare(e.Seq, seq) })
	out := &Page{Floor: p.Floor, last: max(p.Last, at.Seq), entries: entries[first:]}
	size := 0
	for i := range out.entries {
		if size += len(out.entries[i].Block); size >= pageBytes && i+1 < len(out.entries) {
			out.last = out.entries[i].Seq
			// A copy, so that a slow stream keeps no more alive than it will send.
			out.entries = slices.Clone(out.entries[:i+1])
			break
		}
	}
	return out
}
