package store

import (
	"context"
	"fmt"
	"strings"
)

// MaxCounted is how many of the newest events of a channel are counted by their types.
const MaxCounted = inboxWindow * inboxWindows

// InboxCounts is how many events of an inbox are unread, and which. All of it is of
// one snapshot.
type InboxCounts struct {
	Head
	Stale  bool   // the primary is away
	Unseen uint64 // how many of the unread events are above what was seen
	// ByType parts the unread ones among the newest MaxCounted events by their types.
	ByType map[string]uint64
}

// Counts counts the unread events of a channel. expect says what the caller knows to
// exist, as in a call of Ranges. With an empty Epoch a replica's answer is good enough,
// and the counts are Stale. The cost grows with the number of unread events and of
// those that were marked one by one, up to MaxCounted.
func (d *DB) Counts(ctx context.Context, expect Range) (InboxCounts, error) {
	q := inboxQuery{InboxQuery: InboxQuery{Channel: expect.Channel}, counts: true, above: expect.Through - min(expect.Through, MaxCounted)}
	if expect.Epoch != "" {
		q.expect = expect
	}
	found, stale, err := d.findInbox(ctx, &q)
	if err != nil {
		return InboxCounts{}, err
	}
	said := &found.said
	c := InboxCounts{Head: found.Head, Stale: stale || expect.Epoch == "", ByType: said.types}
	// Seqs have no holes, and exceptions say which events do not count.
	unseen := int64(c.Seq-min(c.Seq, max(said.seenTo, said.readUpTo, c.Floor))) + said.excepted
	c.Unseen = min(uint64(max(unseen, 0)), c.Unread)
	return c, nil
}

// countsSQL writes the query of the counts. The rows besides the usual ones:
//
//	kind  label  a       b
//	seen         up_to   exceptions above it that count less those that do not
//	type  name   unread
func (d *DB) countsSQL(q *inboxQuery) (string, []any) {
	var b strings.Builder
	h, args := d.startInbox(&b, q.Channel)
	fmt.Fprintf(&b, " UNION ALL SELECT %d, '', COALESCE(MAX(s.up_to), 0), (SELECT COALESCE(SUM(CASE WHEN x.seq > c.read_up_to THEN -1 ELSE 1 END), 0)"+
		" FROM channels c JOIN read_exceptions x ON x.channel = c.hash WHERE c.hash = ? AND x.channel = ?"+
		" AND x.seq > COALESCE((SELECT s.up_to FROM seen_marks s WHERE s.channel = ?), 0)), 0, 0, '' FROM seen_marks s WHERE s.channel = ?", kindSeen)
	const above = eventsOfInbox + " AND e.seq > ? AND e.seq > c.read_up_to AND e.seq > c.floor AND c.unread > 0 AND x.seq IS NULL"
	const upTo = exceptionsOfInbox + " AND x.seq > ? AND x.seq <= c.read_up_to AND x.seq > c.floor"
	for _, from := range []string{above, upTo} {
		fmt.Fprintf(&b, " UNION ALL SELECT %d, e.type, COUNT(*), 0, 0, 0, '' FROM %s GROUP BY e.type", kindType, from)
	}
	return b.String(), append(args, h, h, h, h, h, h, q.above, h, h, q.above)
}
