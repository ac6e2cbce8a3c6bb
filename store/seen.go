package store

import (
	"context"
	"fmt"
	"strings"

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

// InboxCounts is how many events of an inbox are unread, and which. All of it is of
// one snapshot.
type InboxCounts struct {
	Head
	Stale  bool   // the primary is away
	SeenTo uint64 // events up to there were seen
	Unseen uint64 // how many unread events are above it
}

// Counts counts the unread events of a channel. expect says what the asker knows to
// exist, as in a call of Ranges; with an empty Epoch a replica's word is good, and
// the counts are Stale.
func (d *DB) Counts(ctx context.Context, expect Range) (InboxCounts, error) {
	q := inboxQuery{channel: expect.Channel, counts: true, expect: expect}
	found, stale, err := d.findInbox(ctx, &q)
	if err != nil {
		return InboxCounts{}, err
	}
	c := InboxCounts{Head: found.Head, Stale: stale || expect.Epoch == "", SeenTo: found.said.seenTo}
	// Events have no holes, and exceptions say which of them do not count.
	c.Unseen = c.Seq - min(c.Seq, max(found.said.seenTo, found.said.readUpTo, c.Floor))
	c.Unseen = min(uint64(max(int64(c.Unseen)+found.said.excepted, 0)), c.Unread)
	return c, nil
}

// countsSQL writes the query of the counts. The rows besides the usual ones:
//
//	kind  label  a       b
//	seen         up_to   exceptions above it that count less those that do not
func (d *DB) countsSQL(q *inboxQuery) (string, []any) {
	var b strings.Builder
	key := keyed{hashOf(q.channel), q.channel}
	h := key.hash[:]
	args := d.startUnion(&b, []keyed{key})
	readSQL(&b)
	fmt.Fprintf(&b, " UNION ALL SELECT %d, '', COALESCE(MAX(s.up_to), 0), (SELECT COALESCE(SUM(CASE WHEN x.seq > c.read_up_to THEN -1 ELSE 1 END), 0)"+
		" FROM channels c JOIN read_exceptions x ON x.channel = c.hash WHERE c.hash = ? AND x.channel = ?"+
		" AND x.seq > COALESCE((SELECT s.up_to FROM seen_marks s WHERE s.channel = ?), 0)), 0, 0, '' FROM seen_marks s WHERE s.channel = ?", kindSeen)
	return b.String(), append(args, h, h, h, h, h)
}
