package store

import (
	"context"
	"slices"

	"github.com/bellhop/bellhop/event"
)

// InboxState is how an inbox stands after a call that changes it.
type InboxState struct {
	Epoch  event.Epoch
	Head   uint64
	Unread uint64 // how many of the events up to Head are unread
	// Note is what gateways are to hear of the change. Nil: nothing changed, as
	// when a call is repeated.
	Note *event.Note
}

// inboxChange is what a transaction did to the events of a channel.
type inboxChange struct {
	kind event.NoteKind
	upTo uint64
	seqs []uint64
}

// MarkRead makes all events of a channel read up to a seq, and none beyond the
// head of that moment. What it takes grows with the events that were marked one
// by one, not with the inbox.
//
// This call and the three that follow lock the channel's row, so that its count
// stays exact whatever happens at the same time. Repeating one is harmless. A
// channel without events is fine. With the primary away they fail with
// ErrUnavailable.
func (d *DB) MarkRead(ctx context.Context, channel event.Channel, upTo uint64) (InboxState, error) {
	return d.changeInbox(ctx, channel, func(t *tx, row *channelRow) (*inboxChange, error) {
		upTo := min(upTo, row.Head)
		if upTo <= row.Floor || (upTo <= row.ReadUpTo && row.Unread == 0) {
			return nil, nil
		}
		readUpTo, unread := row.ReadUpTo, row.Unread
		if err := t.settle(row, upTo); err != nil {
			return nil, err
		}
		row.ReadUpTo = max(readUpTo, upTo)
		if row.ReadUpTo == readUpTo && row.Unread == unread {
			return nil, nil
		}
		return &inboxChange{kind: event.NoteRead, upTo: upTo}, nil
	})
}

// MarkReadSeqs makes single events read. Those that are gone, or never were, are
// passed over.
func (d *DB) MarkReadSeqs(ctx context.Context, channel event.Channel, seqs []uint64) (InboxState, error) {
	return d.changeInbox(ctx, channel, func(t *tx, row *channelRow) (*inboxChange, error) {
		unread, err := t.unreadOf(row, row.kept(seqs))
		if err != nil || len(unread) == 0 {
			return nil, err
		}
		return &inboxChange{kind: event.NoteRead, seqs: unread}, t.setRead(row, unread)
	})
}

// MarkUnreadSeqs makes single events unread again. Those that are not in the list
// of the inbox any more, or never were, are passed over.
func (d *DB) MarkUnreadSeqs(ctx context.Context, channel event.Channel, seqs []uint64) (InboxState, error) {
	return d.changeInbox(ctx, channel, func(t *tx, row *channelRow) (*inboxChange, error) {
		read, err := t.listed(row, row.kept(seqs), eventListed)
		if err != nil {
			return nil, err
		}
		unread, err := t.unreadOf(row, read)
		if err != nil {
			return nil, err
		}
		read = slices.DeleteFunc(read, func(seq uint64) bool {
			_, is := slices.BinarySearch(unread, seq)
			return is
		})
		if len(read) == 0 {
			return nil, nil
		}
		return &inboxChange{kind: event.NoteUnread, seqs: read}, t.setUnread(row, read)
	})
}

// Delete removes one event. Its seq stays, as a tombstone without data, so that nobody
// mistakes its absence for lag. It is no error if there is no such event.
func (d *DB) Delete(ctx context.Context, channel event.Channel, seq uint64) (InboxState, error) {
	state, _, err := d.bury(ctx, channel, []uint64{seq})
	return state, err
}

// changeInbox runs one change of what is read in a channel: change alters the
// locked row, and returns nil if there was nothing to do.
func (d *DB) changeInbox(ctx context.Context, channel event.Channel, change func(*tx, *channelRow) (*inboxChange, error)) (InboxState, error) {
	return d.changeInboxOr(ctx, channel, func(*tx) error { return nil }, change)
}

// changeInboxOr is changeInbox, with what to do about a channel that has no row.
func (d *DB) changeInboxOr(ctx context.Context, channel event.Channel, absent func(*tx) error, change func(*tx, *channelRow) (*inboxChange, error)) (InboxState, error) {
	var state InboxState
	err := d.writeChannel(ctx, channel, func(t *tx, row *channelRow) error {
		state = InboxState{Epoch: t.meta.Epoch}
		if row == nil {
			return absent(t)
		}
		done, err := change(t, row)
		if err != nil {
			return err
		}
		state.Head, state.Unread = row.Head, row.Unread
		if done == nil {
			return nil
		}
		state.Note, err = t.changed(row, *done)
		return err
	})
	return state, err
}

// changed writes a locked row of a channel of which more changed than its head,
// and tells the tail.
func (t *tx) changed(row *channelRow, done inboxChange) (*event.Note, error) {
	note := row.note(done)
	t.changes = append(t.changes, Change{Channel: row.Name, Head: row.Head, Rewrite: done.kind == event.NoteRemoved, Note: note})
	return note, t.updateChannel(row)
}

// note says how the row, which is about to be written, will stand.
func (r *channelRow) note(done inboxChange) *event.Note {
	n := &event.Note{Version: r.Version + 1, Head: r.Head, Unread: r.Unread, Kind: done.kind, UpTo: done.upTo}
	if done.kind == event.NoteMuted {
		n.Muted = r.Muted
	}
	if len(done.seqs) <= event.MaxNoteSeqs {
		n.Seqs = done.seqs
	}
	return n
}

// kept returns the seqs, each once and ascending, that can be of events which
// are kept.
func (r *channelRow) kept(seqs []uint64) []uint64 {
	seqs = slices.DeleteFunc(slices.Clone(seqs), func(seq uint64) bool { return seq <= r.Floor || seq > r.Head })
	slices.Sort(seqs)
	return slices.Compact(seqs)
}

// listed returns, ascending, those of some events that a list shows, whose condition
// is given.
func (t *tx) listed(row *channelRow, seqs []uint64, condition string) ([]uint64, error) {
	var listed []uint64
	for chunk := range slices.Chunk(seqs, rowsPerStatement) {
		list, args := in(chunk)
		var found []uint64
		if err := t.list(&found, "SELECT e.seq FROM events e WHERE e.channel = ? AND e.seq IN "+list+" AND "+condition+" ORDER BY e.seq",
			slices.Concat([]any{row.Hash}, args, []any{t.meta.Now})...); err != nil {
			return nil, err
		}
		listed = append(listed, found...)
	}
	return listed, nil
}
