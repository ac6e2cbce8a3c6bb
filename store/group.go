package store

import (
	"slices"
	"time"

	"github.com/bellhop/bellhop/event"
)

// group is one Append on its way through its transaction, which may run several
// times.
type group struct {
	entries []Entry
	results []Appended
	epoch   event.Epoch
	busy    map[keyID]bool // keys that somebody else holds: found once, left out since

	// Made by each run:
	keys   []*keyRow // ours, to be answered
	skip   []bool    // entries that append nothing
	repeat map[int]int
	events []eventRow
	grown  []growth
}

// growth is by how many events a channel grows.
type growth struct {
	row *channelRow
	by  uint64
	// replaced are the unread events that newer ones stand for from now on,
	// ascending; some may have come with the group itself.
	replaced []uint64
	// renewed are read ones that newer ones stand for too, ascending.
	renewed []uint64
	// entry is the last one of the group that names the channel.
	entry int
}

// eventRow is a row of events that is to be written.
type eventRow struct {
	channel   hash
	inbox     bool
	seq       uint64
	createdAt int64
	expiresAt int64
	data      []byte
	entry     *Entry
}

func newGroup(entries []Entry) *group {
	return &group{entries: entries, busy: make(map[keyID]bool)}
}

func (g *group) reset() {
	g.results = make([]Appended, len(g.entries))
	g.skip = make([]bool, len(g.entries))
	g.repeat = make(map[int]int)
	g.keys, g.events, g.grown = nil, nil, nil
}

// keyed tells whether any entry has an idempotency key.
func (g *group) keyed() bool {
	return slices.ContainsFunc(g.entries, func(e Entry) bool { return e.Key != nil })
}

// channels of the entries that append something.
func (g *group) channels() []event.Channel {
	var channels []event.Channel
	for i := range g.entries {
		if len(g.skip) == 0 || !g.skip[i] {
			channels = append(channels, g.entries[i].Channels...)
		}
	}
	return channels
}

// assign gives every event of the group its seq, following the heads of rows.
func (g *group) assign(rows map[event.Channel]*channelRow, m meta) {
	g.epoch = m.Epoch
	now := unixMilli(m.Now)
	index := make(map[event.Channel]int, len(rows))
	for i := range g.entries {
		e := &g.entries[i]
		if g.skip[i] {
			continue
		}
		result := &g.results[i]
		result.Time = now
		result.Seqs = make([]uint64, len(e.Channels))
		for j, c := range e.Channels {
			if rows[c].Muted.Has(e.Type) && !e.Critical {
				continue
			}
			at, known := index[c]
			if !known {
				at = len(g.grown)
				index[c] = at
				g.grown = append(g.grown, growth{row: rows[c]})
			}
			k := &g.grown[at]
			k.by++
			k.entry = i
			result.Seqs[j] = k.row.Head + k.by
			g.events = append(g.events, eventRow{
				channel: hash(k.row.Hash), inbox: c.Namespace() == event.InboxNamespace, seq: result.Seqs[j], data: e.Data, entry: e,
				createdAt: m.Now, expiresAt: milliseconds(e.ExpiresAt),
			})
		}
	}
	for i, first := range g.repeat {
		g.results[i] = Appended{Seqs: g.results[first].Seqs, Time: g.results[first].Time, Replayed: true}
	}
}

// milliseconds since 1970; 0 for the zero time. A moment that would be 0 or
// earlier is past in any case.
func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(t.UnixMilli(), 1)
}

// note says how the inbox stands after the group, if counting its new events does
// not tell, and gives the same to the last entry of the channel.
func (g *group) note(k *growth) *event.Note {
	if len(k.replaced)+len(k.renewed) == 0 {
		return nil
	}
	kind := event.NoteReplaced
	if len(k.renewed) > 0 {
		kind = event.NoteRenewed
	}
	seqs := slices.Concat(k.replaced, k.renewed)
	slices.Sort(seqs)
	after := *k.row
	after.Head += k.by
	after.Unread += k.by - uint64(len(k.replaced))
	note := after.note(inboxChange{kind: kind, seqs: seqs})
	result := &g.results[k.entry]
	result.Notes = append(result.Notes, ChannelNote{Channel: k.row.Name, Note: note})
	return note
}
