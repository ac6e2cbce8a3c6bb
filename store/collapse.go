package store

import (
	"slices"
	"strings"
)

// collapsesPerStatement bounds the alternatives of one condition.
const collapsesPerStatement = 100

// collapse is a collapse key in a channel. The table collapses knows the newest
// event of each, so that an append finds the one that it replaces by a primary
// key, however many events the channel has.
type collapse struct {
	channel hash
	key     string
}

// collapse has the newest event of each collapse key of the group stand for the
// last one before it, if that is unread or to be renewed. Only what lists and counts say of an
// event changes: it keeps its seq and its data, and replays have it.
func (t *tx) collapse(g *group) error {
	newest := make(map[collapse]*eventRow)
	var keys []collapse
	renew := make(map[collapse]bool)
	replace := make(map[hash][]uint64)
	for i := range g.events {
		e := &g.events[i]
		if e.entry.CollapseKey == "" {
			continue
		}
		k := collapse{e.channel, e.entry.CollapseKey}
		if last, twice := newest[k]; !twice {
			keys = append(keys, k)
			renew[k] = e.entry.Renew // what follows it stands for it
		} else if last.expiresAt == 0 || last.expiresAt > t.meta.Now {
			replace[k.channel] = append(replace[k.channel], last.seq)
		}
		newest[k] = e
	}
	if len(keys) == 0 {
		return nil
	}
	before, err := t.newestOf(keys)
	if err != nil {
		return err
	}
	for i := range g.grown {
		k := &g.grown[i]
		channel := hash(k.row.Hash)
		var seqs []uint64
		for _, n := range before[channel] {
			seqs = append(seqs, n.Seq)
		}
		// What comes with this group is unread: it is above the watermark.
		unread, err := t.unreadOf(k.row, k.row.kept(seqs))
		if err != nil {
			return err
		}
		for _, n := range before[channel] {
			if renew[collapse{channel, n.Key}] && n.Seq > k.row.Floor && !slices.Contains(unread, n.Seq) {
				k.renewed = append(k.renewed, n.Seq)
			}
		}
		slices.Sort(k.renewed)
		k.replaced = slices.Concat(unread, replace[channel])
		slices.Sort(k.replaced)
	}
	return t.keepNewest(keys, newest)
}

// newestEvent is the newest event of a collapse key.
type newestEvent struct {
	Channel []byte `db:"channel"`
	Key     string `db:"collapse_key"`
	Seq     uint64 `db:"seq"`
}

// newestOf reads the newest events of keys that a list still shows, by channel.
func (t *tx) newestOf(keys []collapse) (map[hash][]newestEvent, error) {
	newest := make(map[hash][]newestEvent)
	for chunk := range slices.Chunk(keys, collapsesPerStatement) {
		args := make([]any, 0, 2*len(chunk)+1)
		for _, k := range chunk {
			args = append(args, k.channel[:], k.key)
		}
		var found []newestEvent
		if err := t.list(&found, "SELECT k.channel, k.collapse_key, k.seq FROM collapses k JOIN events e ON e.channel = k.channel AND e.seq = k.seq WHERE ("+
			strings.Repeat("k.channel = ? AND k.collapse_key = ? OR ", len(chunk)-1)+"k.channel = ? AND k.collapse_key = ?) AND "+eventListed,
			append(args, t.meta.Now)...); err != nil {
			return nil, err
		}
		for _, f := range found {
			newest[hash(f.Channel)] = append(newest[hash(f.Channel)], f)
		}
	}
	return newest, nil
}

// keepNewest writes which event is the newest of each key.
func (t *tx) keepNewest(keys []collapse, newest map[collapse]*eventRow) error {
	values := make([]any, 0, 3*len(keys))
	for _, k := range keys {
		values = append(values, k.channel[:], k.key, newest[k].seq)
	}
	return t.insert("REPLACE INTO collapses (channel, collapse_key, seq)", "(?, ?, ?)", values)
}

// replace marks what the events of a group replaced, after these were inserted.
func (t *tx) replace(k *growth) error {
	if err := t.flag(hash(k.row.Hash), slices.Concat(k.replaced, k.renewed), "|", flagReplaced); err != nil {
		return err
	}
	return t.noteRead(k.row, k.replaced)
}

// dropCollapse forgets an event that goes, if it is the newest of its key.
func (t *tx) dropCollapse(channel hash, key string, seq uint64) error {
	if key == "" {
		return nil
	}
	return t.later("DELETE FROM collapses WHERE channel = ? AND collapse_key = ? AND seq = ?", channel[:], key, seq)
}
