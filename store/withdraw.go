package store

import (
	"context"
	"slices"

	"github.com/bellhop/bellhop/event"
)

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
	heads, err := d.headsFrom(ctx, d.reader, []event.Channel{channel}, true)
	if err != nil {
		return 0, nil, err
	}
	head := heads.Heads[0]
	h := hashOf(channel)
	for upTo := head.Seq; upTo > head.Floor; upTo -= min(upTo, withdrawWindow) {
		above := max(upTo-min(upTo, withdrawWindow), head.Floor)
		var seqs []uint64
		if err := d.reader.SelectContext(ctx, &seqs, withdrawSQL, h[:], above, upTo, key, flagDeleted); err != nil {
			return removed, states, d.dialect.failed("look for a collapse key", err)
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
