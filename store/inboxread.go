package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bellhop/bellhop/event"
)

const (
	// MaxInboxPage is the most items of a page of an inbox.
	MaxInboxPage = 100

	// inboxWindow is how many seqs one statement looks through for the items of
	// a page. Replaced and deleted events lie between the others, and a page
	// must not cost more for being behind ten thousand of them.
	inboxWindow = 2000
	// inboxWindows is how many windows without a single item one call passes.
	inboxWindows = 10
)

// eventListed is the condition under which lists show an event e: it was not
// deleted, replaced or archived (flags 1, 4 and 8), and has not expired. Its argument is the
// time, in milliseconds since 1970.
const eventListed = "e.flags & 13 = 0 AND (e.expires_at = 0 OR e.expires_at > ?)"

// What an inbox is read from: its events, each with its exception if there is one, and
// the exceptions, each with its event. Both have the channel's hash for an argument twice.
const (
	eventsOfInbox = "channels c JOIN events e ON e.channel = c.hash LEFT JOIN read_exceptions x ON x.channel = e.channel AND x.seq = e.seq" +
		" WHERE c.hash = ? AND e.channel = ?"
	exceptionsOfInbox = "channels c JOIN read_exceptions x ON x.channel = c.hash JOIN events e ON e.channel = x.channel AND e.seq = x.seq" +
		" WHERE c.hash = ? AND x.channel = ?"
)

// eventRead is the condition under which an event e of a channel c is read, with its
// exception x.
const eventRead = "(e.seq <= c.read_up_to) = (x.seq IS NULL)"

// InboxItem is an event in the list of an inbox.
type InboxItem struct {
	event.Event
	Read bool
}

// InboxPage is a part of the list of an inbox. All of it is of one snapshot.
type InboxPage struct {
	Head
	Epoch event.Epoch
	// Stale: the primary is away, and there may be more than this.
	Stale bool
	// ReadUpTo is the watermark: up to there all is read but what was marked unread again.
	ReadUpTo uint64
	Items    []InboxItem // newest first
	// Next, if not zero, is the Before of the next page. There may be one
	// though this page has fewer items than were asked for, or none.
	Next uint64
}

// InboxQuery asks for a page of the list of an inbox.
type InboxQuery struct {
	Channel event.Channel
	Before  uint64   // only events with lower seqs; zero: the newest
	Limit   int      // 1 to MaxInboxPage
	Unread  bool     // only unread ones
	Types   []string // only of these types; none: of all
	// Archived lists what is archived, and nothing else. All of that is read.
	Archived bool
}

// Inbox is ListInbox without its filters.
func (d *DB) Inbox(ctx context.Context, channel event.Channel, before uint64, limit int, unreadOnly bool) (InboxPage, error) {
	return d.ListInbox(ctx, InboxQuery{Channel: channel, Before: before, Limit: limit, Unread: unreadOnly})
}

// ListInbox lists events of a channel, newest first. Deleted, expired, replaced and
// archived events are left out. However few there are of what is asked for, one call looks
// through a bounded part of the channel.
//
// The list is never behind what was acknowledged: a replica serves it only if it
// has the version of the channel that the primary had when the call began. While
// the primary is away a replica answers with what it has, and the page is Stale.
func (d *DB) ListInbox(ctx context.Context, ask InboxQuery) (InboxPage, error) {
	heads, err := d.Heads(ctx, []event.Channel{ask.Channel}, false)
	if err != nil {
		return InboxPage{}, err
	}
	ask.Limit = min(max(ask.Limit, 1), MaxInboxPage)
	q := inboxQuery{InboxQuery: ask}
	if !heads.Stale {
		q.expect = Range{Channel: ask.Channel, Epoch: heads.Epoch, Through: heads.Heads[0].Seq, Version: heads.Heads[0].Version}
	}
	var page InboxPage
	before := ask.Before
	for range inboxWindows {
		q.window(before, heads.Heads[0].Seq)
		found, stale, err := d.findInbox(ctx, &q)
		if err != nil {
			return InboxPage{}, err
		}
		page = found.page(&q)
		page.Stale = stale || heads.Stale
		if len(page.Items) > 0 || page.Next == 0 {
			break
		}
		before = page.Next
	}
	return page, nil
}

// findInbox asks a replica that meets what is expected, or the primary.
func (d *DB) findInbox(ctx context.Context, q *inboxQuery) (found inboxRows, stale bool, err error) {
	stale, err = d.replicaFirst(ctx, "read an inbox", 1, func(ctx context.Context, s *server) (unfit int, err error) {
		if found, err = d.inboxRows(ctx, s, q); !found.reaches(q.expect) {
			unfit = 1
		}
		return unfit, err
	}, func(ctx context.Context) error {
		current, err := d.inboxRows(ctx, d.reader, q)
		if err == nil {
			found = current
		}
		return err
	})
	return found, stale, err
}

// inboxQuery asks for the items of a page in one window of seqs.
type inboxQuery struct {
	InboxQuery

	counts      bool // no items: how many there are
	expect      Range
	above, upTo uint64 // the window: above < seq <= upTo
}

// window sets the window that ends below before, or at the head. On the first
// page it has no end: there may be a newer head by now.
func (q *inboxQuery) window(before, head uint64) {
	q.upTo = event.MaxSeq
	end := head
	if before > 0 {
		q.upTo = min(before-1, event.MaxSeq)
		end = min(head, q.upTo)
	}
	q.above = end - min(end, inboxWindow)
}

// inboxRows is what one statement said of an inbox.
type inboxRows struct {
	Snapshot
	said  preamble    // its heads and meta are in the Snapshot
	items []InboxItem // one more than were asked for tells that there are others
	full  bool        // items take as much memory as they may
}

// What kind of row of an inbox one is, besides those of the preamble.
const (
	kindRow       = iota
	kindReadRow   // the same, and the event is read
	kindMarkedRow // an event below the watermark that was marked unread
)

func (d *DB) inboxRows(ctx context.Context, s *server, q *inboxQuery) (found inboxRows, err error) {
	write := d.inboxSQL
	if q.counts {
		write = d.countsSQL
	}
	query, args := write(q)
	found.said.heads = make(map[event.Channel]Head, 1)
	size := 0
	if err := d.readUnion(ctx, s, "read an inbox", query, args, &found.said, func(u *unionRow) bool {
		found.items = append(found.items, InboxItem{
			Event: event.Event{Channel: q.Channel, Seq: uint64(u.a), Type: u.label, Time: unixMilli(u.c), Data: u.data},
			Read:  u.kind == kindReadRow,
		})
		size += rowOverhead + len(u.data)
		found.full = size >= pageBytes
		return !found.full
	}); err != nil {
		return found, err
	}
	one := make([]Snapshot, 1)
	err = fill(one, []Range{{Channel: q.Channel}}, &found.said, 1)
	found.Snapshot = one[0]
	return found, err
}

// page makes a page of what was found in a window.
func (f *inboxRows) page(q *inboxQuery) InboxPage {
	p := InboxPage{Head: f.Head, Epoch: f.Epoch, ReadUpTo: f.said.readUpTo, Items: f.items}
	end, full := q.above, f.full // end: how far down the statement looked
	switch {
	case !q.Unread:
	case end <= f.said.readUpTo || f.Unread == 0:
		end = 0 // what was marked unread below the watermark is all there
	default:
		// That is no good while there may be others in between.
		i := slices.IndexFunc(p.Items, func(e InboxItem) bool { return e.Seq <= end })
		if i >= 0 {
			p.Items, full = p.Items[:i], false
		}
	}
	switch {
	case len(p.Items) > q.Limit:
		p.Items = p.Items[:q.Limit]
		p.Next = p.Items[q.Limit-1].Seq
	case full:
		p.Next = p.Items[len(p.Items)-1].Seq
	case end > f.Floor:
		p.Next = end + 1
	}
	return p
}

// inboxSQL writes the query of a window. The rows share the columns of readSome:
//
//	kind     label  a          b  c           d  data
//	read            watermark
//	0, 1, 2  type   seq           created_at     data
func (d *DB) inboxSQL(q *inboxQuery) (string, []any) {
	var b strings.Builder
	h, args := d.startInbox(&b, q.Channel)
	listed := eventListed
	if q.Archived {
		listed = eventArchived
	}
	listed = strings.ReplaceAll(listed, "?", d.dialect.now)
	var types []any
	if len(q.Types) > 0 {
		list, these := in(q.Types)
		listed, types = listed+" AND e.type IN "+list, these
	}
	part := func(kind, from, by string, with ...any) {
		fmt.Fprintf(&b, " UNION ALL "+d.dialect.part, "SELECT "+kind+", e.type, e.seq, 0, e.created_at, 0, e.data FROM "+from+listed+by)
		args = append(append(append(args, with...), types...), q.Limit+1)
	}
	const window = eventsOfInbox + " AND e.seq > ? AND e.seq <= ? AND e.seq > c.floor AND "
	if !q.Unread {
		part(fmt.Sprintf("CASE WHEN "+eventRead+" THEN %d ELSE %d END", kindReadRow, kindRow),
			window, " ORDER BY e.seq DESC LIMIT ?", h, h, q.above, q.upTo)
		return b.String(), args
	}
	part(strconv.Itoa(kindRow), window+"c.unread > 0 AND e.seq > c.read_up_to AND x.seq IS NULL AND ", " ORDER BY e.seq DESC LIMIT ?",
		h, h, q.above, q.upTo)
	part(strconv.Itoa(kindMarkedRow), exceptionsOfInbox+" AND x.seq <= ? AND x.seq <= c.read_up_to AND x.seq > c.floor AND ",
		" ORDER BY x.seq DESC LIMIT ?", h, h, q.upTo)
	return b.String(), args
}

// startInbox writes what comes before the items of an inbox, or its counts; h is the
// hash of the channel.
func (d *DB) startInbox(b *strings.Builder, c event.Channel) (h []byte, args []any) {
	key := keyed{hashOf(c), c}
	args = d.startUnion(b, []keyed{key})
	fmt.Fprintf(b, " UNION ALL SELECT %d, '', c.read_up_to, 0, 0, 0, '' FROM channels c WHERE c.hash = ?", kindRead)
	return key.hash[:], append(args, key.hash[:])
}
