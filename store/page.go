package store

import (
	"github.com/bellhop/bellhop/event"
)

// Flags of events. Whether one is read is not among them: see readstate.go.
const (
	flagDeleted  = 1 << 0
	flagReplaced = 1 << 2 // a newer event of its collapse key stands for it in lists
)

// row is what a range read returns of one event, a tombstone or not.
type row struct {
	seq       uint64
	typ       string
	flags     int64
	createdAt int64
	expiresAt int64
	data      []byte
}

// snapshot is what one statement said of one range.
type snapshot struct {
	meta
	head Head
	rows []row // by seq, from After on, at most Limit
	cut  bool  // rows may be missing at the end
}

// page makes the answer to r of a snapshot, judging by that alone. hole tells
// that rows are missing above the floor that neither Limit nor a cut explains:
// retention moves the floor before it deletes, and deleted events leave a
// tombstone. The page ends before a hole, and if it begins with one, says so by
// its floor: what is gone is announced to those who come for it, as if
// retention had taken it.
func (s *snapshot) page(r Range) (p Page, hole bool) {
	p = Page{Head: s.head, Epoch: s.Epoch, Last: max(r.After, s.head.Floor)}
	start := p.Last
	for i := range s.rows {
		e := &s.rows[i]
		if e.seq <= start {
			continue // at or below the floor: about to be deleted
		}
		if e.seq != p.Last+1 {
			hole = true
			if p.Last > start {
				return p, hole
			}
			p.Floor = e.seq - 1
		}
		p.Last = e.seq
		if e.flags&flagDeleted != 0 || (e.expiresAt != 0 && e.expiresAt <= s.Now) {
			continue
		}
		p.Events = append(p.Events, event.Event{Channel: r.Channel, Seq: e.seq, Type: e.typ, Time: unixMilli(e.createdAt), Data: e.data})
	}
	if s.cut || len(s.rows) >= r.Limit || p.Last >= s.head.Seq {
		return p, hole
	}
	// The rows end before the head.
	if p.Last == start {
		p.Floor, p.Last = s.head.Seq, s.head.Seq
	}
	return p, true
}

// reaches tells whether a snapshot knows all that the asker of r knows to exist.
// Another epoch on a replica is lag, like a lower head: only the primary can
// tell of a new life.
func (s *snapshot) reaches(r Range) bool {
	switch {
	case s.Epoch == "": // still being set up
		return false
	case r.Epoch != "" && r.Epoch != s.Epoch:
		return false
	}
	return s.head.Seq >= max(r.Through, r.After) && s.head.Version >= r.Version
}
