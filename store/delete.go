package store

import (
	"context"
	"slices"

	"github.com/bellhop/bellhop/event"
)

// Delete takes one event away. Its seq stays, as a tombstone without data, so
// that nobody takes its absence for lag. An event that is gone, or never was, is
// fine.
func (d *DB) Delete(ctx context.Context, channel event.Channel, seq uint64) error {
	return d.write(ctx, func(t *tx) error {
		row, err := t.lockChannel(channel)
		if err != nil || row == nil || seq <= row.Floor || seq > row.Head {
			return err
		}
		return t.bury(row, []uint64{seq})
	})
}

// bury makes tombstones of those of the events that are none, in a channel whose
// row is locked.
func (t *tx) bury(row *channelRow, seqs []uint64) error {
	list, args := in(seqs)
	args = append([]any{row.Hash}, args...)
	var found []struct {
		Seq   uint64 `db:"seq"`
		Flags int64  `db:"flags"`
	}
	if err := t.list(&found, "SELECT seq, flags FROM events WHERE channel = ? AND seq IN "+list, args...); err != nil {
		return err
	}
	var unread uint64
	var bury []uint64
	for _, e := range found {
		if e.Flags&flagDeleted != 0 || e.Seq <= row.Floor {
			continue
		}
		bury = append(bury, e.Seq)
		if row.isUnread(e.Seq, e.Flags) {
			unread++
		}
	}
	if len(bury) == 0 {
		return nil
	}
	list, args = in(bury)
	if err := t.later("UPDATE events SET flags = flags | ?, data = '', collapse_key = '' WHERE channel = ? AND seq IN "+list,
		slices.Concat([]any{flagDeleted, row.Hash}, args)...); err != nil {
		return err
	}
	row.Unread -= min(unread, row.Unread)
	return t.rewritten(row)
}

// isUnread tells whether an event counts as unread.
func (r *channelRow) isUnread(seq uint64, flags int64) bool {
	return seq > r.ReadUpTo && flags&(flagDeleted|flagRead) == 0
}

// rewritten writes a locked row whose past has changed, and tells the tail.
func (t *tx) rewritten(row *channelRow) error {
	if err := t.updateChannel(row); err != nil {
		return err
	}
	t.changes = append(t.changes, Change{Channel: row.Name, Head: row.Head, Rewrite: true})
	return nil
}

// updateChannel writes the floor and the unread count of a locked row, as
// another version of it.
func (t *tx) updateChannel(row *channelRow) error {
	return t.later("UPDATE channels SET floor = ?, unread = ?, version = version + 1 WHERE hash = ?", row.Floor, row.Unread, row.Hash)
}

// Purge takes all events of a channel away for good; new ones go on from its
// head. The floor moves first, at once: from then on nobody can read what was
// there. Then the rows are deleted, in small steps; should that fail, Purge
// says so, and Trim deletes what is left. An unknown channel is fine.
func (d *DB) Purge(ctx context.Context, channel event.Channel) error {
	var floor uint64
	err := d.write(ctx, func(t *tx) error {
		row, err := t.lockChannel(channel)
		if err != nil || row == nil {
			return err
		}
		row.Floor, row.Unread = row.Head, 0
		floor = row.Floor
		return t.rewritten(row)
	})
	if err != nil {
		return err
	}
	for {
		n, err := d.sweepBelow(ctx, hashOf(channel), floor)
		if n == 0 || err != nil {
			return err
		}
	}
}
