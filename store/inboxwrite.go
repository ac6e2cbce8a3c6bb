package store

import (
	"context"
	"fmt"
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
		unread, err := t.setRead(row, row.kept(seqs))
		if err != nil || len(unread) == 0 {
			return nil, err
		}
		return &inboxChange{kind: event.NoteRead, seqs: unread}, nil
	})
}

// MarkUnreadSeqs makes single events unread again. Those that are not in the list
// of the inbox any more, or never were, are passed over.
func (d *DB) MarkUnreadSeqs(ctx context.Context, channel event.Channel, seqs []uint64) (InboxState, error) {
	return d.changeInbox(ctx, channel, func(t *tx, row *channelRow) (*inboxChange, error) {
		read, err := t.pick("events", row, row.kept(seqs), eventListed, t.meta.Now)
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

// What was seen of a channel is a watermark too, a row of seen_marks. An event is
// unseen if it is unread and above both: so reading it is seeing it, and the count
// follows from the same few rows as that of the unread ones.

// MarkSeen makes all events of a channel seen up to a seq, and none beyond the head
// of that moment. What is read does not change. It is otherwise as MarkRead is.
func (d *DB) MarkSeen(ctx context.Context, channel event.Channel, upTo uint64) (InboxState, error) {
	return d.changeInbox(ctx, channel, func(t *tx, row *channelRow) (*inboxChange, error) {
		upTo := min(upTo, row.Head)
		var seen []uint64
		if err := t.list(&seen, "SELECT up_to FROM seen_marks WHERE channel = ?", row.Hash); err != nil {
			return nil, err
		}
		if upTo == 0 || len(seen) > 0 && upTo <= seen[0] {
			return nil, nil
		}
		return &inboxChange{kind: event.NoteSeen, upTo: upTo}, t.later("REPLACE INTO seen_marks (channel, up_to) VALUES (?, ?)", row.Hash, upTo)
	})
}

// An archived event is read, and has a flag that keeps it out of lists and from being
// replaced. It stays in the channel, and in the list of what is archived.

// eventArchived is the condition under which the list of what is archived shows an
// event e; compare eventListed.
const eventArchived = "e.flags & 13 = 8 AND (e.expires_at = 0 OR e.expires_at > ?)"

// Archive takes single events out of the list and the count of an inbox. It ignores
// events that are not in the list. Otherwise it works like MarkRead.
func (d *DB) Archive(ctx context.Context, channel event.Channel, seqs []uint64) (InboxState, error) {
	return d.changeInbox(ctx, channel, func(t *tx, row *channelRow) (*inboxChange, error) {
		listed, err := t.pick("events", row, row.kept(seqs), eventListed, t.meta.Now)
		if err != nil || len(listed) == 0 {
			return nil, err
		}
		if _, err := t.setRead(row, listed); err != nil {
			return nil, err
		}
		return &inboxChange{kind: event.NoteArchived, seqs: listed}, t.flag(hash(row.Hash), listed, "|", flagArchived)
	})
}

// Unarchive puts single events back into the list, where they are read. Those that
// are not archived are passed over.
func (d *DB) Unarchive(ctx context.Context, channel event.Channel, seqs []uint64) (InboxState, error) {
	return d.changeInbox(ctx, channel, func(t *tx, row *channelRow) (*inboxChange, error) {
		archived, err := t.pick("events", row, row.kept(seqs), eventArchived, t.meta.Now)
		if err != nil || len(archived) == 0 {
			return nil, err
		}
		// The note names none: nobody has them in a list, so lists are to be fetched.
		return &inboxChange{kind: event.NoteOther}, t.flag(hash(row.Hash), archived, "-", flagArchived)
	})
}

// flag changes the flags of events: "|" sets one, "-" takes away one that is set.
func (t *tx) flag(channel hash, seqs []uint64, operator string, flag int) error {
	return t.change(fmt.Sprintf("UPDATE events SET flags = flags %s %d", operator, flag), channel, seqs)
}

// What is muted stands in the row of the channel, which an append reads and locks in any
// case: so it costs no query, and an event and the change of what is muted have an order.

// Mute says which types of events are not appended to a channel from now on, but for
// critical ones. What is there stays. It is otherwise as MarkRead is.
func (d *DB) Mute(ctx context.Context, channel event.Channel, muted event.Muted) (InboxState, error) {
	absent := func(t *tx) error {
		if muted == "" {
			return nil
		}
		return d.restartWith(t, byHash([]event.Channel{channel}))
	}
	return d.changeInboxOr(ctx, channel, absent, func(t *tx, row *channelRow) (*inboxChange, error) {
		if row.Muted == muted {
			return nil, nil
		}
		row.Muted = muted
		return &inboxChange{kind: event.NoteMuted}, t.later("UPDATE channels SET muted = ? WHERE hash = ?", muted, row.Hash)
	})
}

// Muted says which types of events are not appended to a channel. It asks the primary or,
// while that one is away, a replica, which may not know the newest change.
func (d *DB) Muted(ctx context.Context, channel event.Channel) (event.Muted, error) {
	h := hashOf(channel)
	var muted []event.Muted
	_, err := d.primaryOrReplica(ctx, func(ctx context.Context, s *server) error {
		return d.read(ctx, s, "read what is muted", &muted, "SELECT muted FROM channels WHERE hash = ? AND name = ?", h[:], channel)
	})
	if err != nil || len(muted) == 0 {
		return "", err
	}
	return muted[0], nil
}
