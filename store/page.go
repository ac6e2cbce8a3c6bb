package store

import (
	"github.com/bellhop/bellhop/event"
)

// Flags of events. Whether one is read is not among them: see readstate.go.
const (
	flagDeleted  = 1 << 0
	flagReplaced = 1 << 2 // a newer event of its collapse key stands for it in lists
	flagArchived = 1 << 3
)

// Record is an event as a log keeps it; times are in milliseconds since 1970.
type Record struct {
	Seq     uint64
	Type    string
	Time    int64
	Expires int64 // 0: never
	Gone    bool  // it was deleted, and this tells so
	Data    []byte
}

// Snapshot is what a log said of one channel at one moment.
type Snapshot struct {
	Head
	Epoch   event.Epoch
	Now     int64
	Records []Record // by seq, from After on, at most Limit
	Cut     bool     // some may be missing at the end
}

// Page makes the answer to r of a snapshot, judging by that alone. hole tells
// that records are missing above the floor that neither Limit nor a cut explains:
// retention moves the floor before it deletes, and deleted events leave a
// tombstone. The page ends before a hole, and if it begins with one, says so by
// its floor: what is gone is announced to those who come for it, as if
// retention had taken it.
func (s *Snapshot) Page(r Range) (p Page, hole bool) {
	p = Page{Head: s.Head, Epoch: s.Epoch, Last: max(r.After, s.Floor)}
	p.Channel = r.Channel
	start := p.Last
	for i := range s.Records {
		e := &s.Records[i]
		if e.Seq <= start {
			continue // at or below the floor: about to be deleted
		}
		if e.Seq != p.Last+1 {
			hole = true
			if p.Last > start {
				return p, hole
			}
			p.Floor = e.Seq - 1
		}
		p.Last = e.Seq
		if e.Gone || (e.Expires != 0 && e.Expires <= s.Now) {
			continue
		}
		p.Events = append(p.Events, event.Event{Channel: r.Channel, Seq: e.Seq, Type: e.Type, Time: unixMilli(e.Time), Data: e.Data})
	}
	if s.Cut || len(s.Records) >= r.Limit || p.Last >= s.Seq {
		return p, hole
	}
	// The records end before the head.
	if p.Last == start {
		p.Floor, p.Last = s.Seq, s.Seq
	}
	return p, true
}

// reaches tells whether a snapshot knows all that the asker of r knows to exist.
// Another epoch on a replica is lag, like a lower head: only the primary can
// tell of a new life.
func (s *Snapshot) reaches(r Range) bool {
	switch {
	case s.Epoch == "": // still being set up
		return false
	case r.Epoch != "" && r.Epoch != s.Epoch:
		return false
	}
	return s.Seq >= max(r.Through, r.After) && s.Version >= r.Version
}
