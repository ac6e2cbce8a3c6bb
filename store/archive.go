package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/bellhop/bellhop/event"
)

// An archived event is read, and has a flag that keeps it out of lists and from being
// replaced. It stays in the channel, and in the list of what is archived.

// eventArchived is the condition under which the list of what is archived shows an
// event e; compare eventListed.
const eventArchived = "e.flags & 13 = 8 AND (e.expires_at = 0 OR e.expires_at > ?)"

// Archive takes single events out of the list and the count of an inbox. It ignores
// events that are not in the list. Otherwise it works like MarkRead.
func (d *DB) Archive(ctx context.Context, channel event.Channel, seqs []uint64) (InboxState, error) {
	return d.changeInbox(ctx, channel, func(t *tx, row *channelRow) (*inboxChange, error) {
		listed, err := t.listed(row, row.kept(seqs), eventListed)
		if err != nil || len(listed) == 0 {
			return nil, err
		}
		unread, err := t.unreadOf(row, listed)
		if err != nil {
			return nil, err
		}
		if err := t.setRead(row, unread); err != nil {
			return nil, err
		}
		return &inboxChange{kind: event.NoteArchived, seqs: listed}, t.flag(hash(row.Hash), listed, "|", flagArchived)
	})
}

// Unarchive puts single events back into the list, where they are read. Those that
// are not archived are passed over.
func (d *DB) Unarchive(ctx context.Context, channel event.Channel, seqs []uint64) (InboxState, error) {
	return d.changeInbox(ctx, channel, func(t *tx, row *channelRow) (*inboxChange, error) {
		archived, err := t.listed(row, row.kept(seqs), eventArchived)
		if err != nil || len(archived) == 0 {
			return nil, err
		}
		// The note names none: nobody has them in a list, so lists are to be fetched.
		return &inboxChange{kind: event.NoteOther}, t.flag(hash(row.Hash), archived, "-", flagArchived)
	})
}

// flag changes the flags of events: "|" sets one, "-" takes away one that is set.
func (t *tx) flag(channel hash, seqs []uint64, operator string, flag int) error {
	for chunk := range slices.Chunk(seqs, rowsPerStatement) {
		list, args := in(chunk)
		if err := t.later(fmt.Sprintf("UPDATE events SET flags = flags %s %d WHERE channel = ? AND seq IN %s", operator, flag, list),
			slices.Concat([]any{channel[:]}, args)...); err != nil {
			return err
		}
	}
	return nil
}
