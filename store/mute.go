package store

import (
	"context"

	"github.com/bellhop/bellhop/event"
)

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
		ctx, cancel := context.WithTimeout(ctx, readTimeout)
		defer cancel()
		muted = nil
		err := s.SelectContext(ctx, &muted, "SELECT muted FROM channels WHERE hash = ? AND name = ?", h[:], channel)
		if err != nil {
			return d.dialect.failed("read what is muted", err)
		}
		return nil
	})
	if err != nil || len(muted) == 0 {
		return "", err
	}
	return muted[0], nil
}
