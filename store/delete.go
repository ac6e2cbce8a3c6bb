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
	if _, err := t.setRead(row, buried); err != nil {
		return nil, err
	}
	grave := fmt.Sprintf("UPDATE events SET flags = flags | %d, data = '', collapse_key = ''", flagDeleted)
	return buried, t.change(grave, hash(row.Hash), buried)
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

// withdrawSQL looks for a collapse key in a window of seqs.
const withdrawSQL = "SELECT seq FROM events WHERE channel = ? AND seq > ? AND seq <= ? AND collapse_key = ? AND flags & ? = 0"

// withdrawWindow is how many seqs one statement looks through for a collapse key.
const withdrawWindow = 5000

// Withdraw takes all events of a channel away that have a collapse key and were
// there when the call began, read or not, replaced or not, and says which, and how
// the inbox stands. It looks through all that the channel keeps, in steps and
// without a lock, then takes what it found in transactions like those of Delete.
// After an error some may be gone; repeating the call takes the rest. A channel
// without events is fine.
func (d *DB) Withdraw(ctx context.Context, channel event.Channel, key string) (removed int, states []InboxState, err error) {
	heads, err := d.headsFrom(ctx, d.reader, []event.Channel{channel})
	if err != nil {
		return 0, nil, err
	}
	head := heads.Heads[0]
	h := hashOf(channel)
	for upTo := head.Seq; upTo > head.Floor; upTo -= min(upTo, withdrawWindow) {
		above := max(upTo-min(upTo, withdrawWindow), head.Floor)
		var seqs []uint64
		if err := d.read(ctx, d.reader, "look for a collapse key", &seqs, withdrawSQL, h[:], above, upTo, key, flagDeleted); err != nil {
			return removed, states, err
		}
		for chunk := range slices.Chunk(seqs, rowsPerStatement) {
			state, n, err := d.bury(ctx, channel, chunk)
			if err != nil {
				return removed, states, err
			}
			removed += n
			if state.Note != nil {
				states = append(states, state)
			}
		}
	}
	return removed, states, nil
}

// bury takes events of a channel away, and tells how many were there.
func (d *DB) bury(ctx context.Context, channel event.Channel, seqs []uint64) (state InboxState, n int, err error) {
	state, err = d.changeInbox(ctx, channel, func(t *tx, row *channelRow) (*inboxChange, error) {
		buried, err := t.bury(row, row.kept(seqs))
		if n = len(buried); err != nil || n == 0 {
			return nil, err
		}
		return &inboxChange{kind: event.NoteRemoved, seqs: buried}, nil
	})
	return state, n, err
}
