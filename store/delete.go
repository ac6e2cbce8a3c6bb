package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/bellhop/bellhop/event"
)

// bury makes tombstones of those of some kept events that are none, in a locked
// row, and returns which. The row is not written.
func (t *tx) bury(row *channelRow, seqs []uint64) ([]uint64, error) {
	if len(seqs) == 0 {
		return nil, nil
	}
	list, args := in(seqs)
	var found []struct {
		Seq uint64 `db:"seq"`
		Key string `db:"collapse_key"`
	}
	if err := t.list(&found, "SELECT seq, collapse_key FROM events WHERE channel = ? AND seq IN "+list+" AND flags & ? = 0 ORDER BY seq",
		slices.Concat([]any{row.Hash}, args, []any{flagDeleted})...); err != nil || len(found) == 0 {
		return nil, err
	}
	buried := make([]uint64, len(found))
	for i, e := range found {
		buried[i] = e.Seq
		if err := t.dropCollapse(hash(row.Hash), e.Key, e.Seq); err != nil {
			return nil, err
		}
	}
	unread, err := t.unreadOf(row, buried)
	if err != nil {
		return nil, err
	}
	if err := t.setRead(row, unread); err != nil {
		return nil, err
	}
	list, args = in(buried)
	return buried, t.later("UPDATE events SET flags = flags | ?, data = '', collapse_key = '' WHERE channel = ? AND seq IN "+list,
		slices.Concat([]any{flagDeleted, row.Hash}, args)...)
}

// updateChannel writes what may change of a locked row besides its head, as
// another version of it.
func (t *tx) updateChannel(row *channelRow) error {
	return t.later("UPDATE channels SET floor = ?, unread = ?, read_up_to = ?, version = version + 1 WHERE hash = ?",
		row.Floor, row.Unread, row.ReadUpTo, row.Hash)
}

// Purge takes all events of a channel away for good; new ones go on from its
// head. The floor moves first, at once: from then on nobody can read what was
// there. Then the rows are deleted, in small steps; should that fail, Purge
// says so, with an error that does not wrap ErrNotWritten, and Trim deletes what is
// left. An unknown channel is fine.
func (d *DB) Purge(ctx context.Context, channel event.Channel) error {
	var floor uint64
	err := d.writeChannel(ctx, channel, func(t *tx, row *channelRow) error {
		if row == nil {
			return nil
		}
		if err := t.settle(row, row.Head); err != nil {
			return err
		}
		row.Floor = row.Head
		floor = row.Floor
		_, err := t.changed(row, inboxChange{kind: event.NoteRemoved})
		return err
	})
	if err != nil {
		return err
	}
	for {
		n, err := d.sweepBelow(ctx, hashOf(channel), floor)
		if err != nil {
			return fmt.Errorf("rows of a purged channel are left: %w: %s", ErrUnavailable, err.Error())
		}
		if n == 0 {
			return nil
		}
	}
}
