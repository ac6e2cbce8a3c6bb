package store

import (
	"context"

	"github.com/bellhop/bellhop/event"
)

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
