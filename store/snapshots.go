package store

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/bellhop/bellhop/event"
)

const (
	// pageBytes bounds the data that one Ranges call reads, give or take one event.
	pageBytes = 8 << 20
	// rowOverhead is what a row counts besides its data.
	rowOverhead = 128
	// rangesPerStatement keeps a statement quick to parse, and below the 500
	// parts of a UNION that SQLite takes.
	rangesPerStatement = 64
)

// What the first column of a range read says: what kind of row it is. Rows of
// events have the index of their range there.
const (
	kindType    = -6 // how many unread events have a type, in the counts of an inbox
	kindSeen    = -5 // what was seen, and what follows from it, in the counts of an inbox
	kindMeta    = -4
	kindServer  = -3
	kindChannel = -2
	kindRead    = -1 // the watermark, in the read of an inbox
)

// readSnapshots reads ranges from a server, in statements of a bounded number of
// ranges, until they are read or their budget of bytes is spent.
func (d *DB) readSnapshots(ctx context.Context, s *server, ranges []Range, budget int) ([]Snapshot, error) {
	snapshots := make([]Snapshot, len(ranges))
	for from := 0; from < len(ranges); from += rangesPerStatement {
		to := min(from+rangesPerStatement, len(ranges))
		spent, err := d.readSome(ctx, s, ranges[from:to], snapshots[from:to], budget)
		if err != nil {
			return nil, err
		}
		budget -= spent
	}
	return snapshots, nil
}

// readSome reads ranges in one statement, because one statement is one snapshot:
// meta, heads, and the events of all ranges are rows of one UNION, which share
// its columns:
//
//	kind     label     a     b      c           d           data
//	meta     epoch     now                                  why it takes no writes
//	server   identity                                       the server's own identity
//	channel  name      head  floor  version     unread
//	0, 1, …  type      seq   flags  created_at  expires_at  data
//
// The rows come in this order. Once those of events exceed the budget the rest
// is left unread, and without a budget none is asked for.
func (d *DB) readSome(ctx context.Context, s *server, ranges []Range, into []Snapshot, budget int) (spent int, err error) {
	query, args := d.rangeQuery(ranges, budget > 0)
	cut := len(ranges)
	if budget <= 0 {
		cut = 0
	}
	said := preamble{heads: make(map[event.Channel]Head, len(ranges))}
	if err := d.readUnion(ctx, s, "read events", query, args, &said, func(u *unionRow) bool {
		into[u.kind].Records = append(into[u.kind].Records, Record{
			Seq: uint64(u.a), Type: u.label, Gone: u.b&flagDeleted != 0, Time: u.c, Expires: u.d, Data: u.data,
		})
		if spent += rowOverhead + len(u.data); spent >= budget {
			cut = u.kind
		}
		return spent < budget
	}); err != nil {
		return 0, err
	}
	return spent, fill(into, ranges, &said, cut)
}

// readUnion runs a read that is one UNION. Its rows of events go to row, until that one
// wants no more. What the primary says is judged.
func (d *DB) readUnion(ctx context.Context, s *server, what, query string, args []any, said *preamble,
	row func(*unionRow) (more bool),
) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	rows, err := s.QueryContext(ctx, query, args...)
	if err != nil {
		return d.dialect.failed(what, err)
	}
	defer rows.Close()
	// Before Close, which would fetch whatever was left unread: this closes the
	// connection on it.
	defer cancel()
	for more := true; more && rows.Next(); {
		var u unionRow
		if err := rows.Scan(&u.kind, &u.label, &u.a, &u.b, &u.c, &u.d, &u.data); err != nil {
			return d.dialect.failed(what, err)
		}
		if u.kind < 0 {
			said.take(&u)
		} else {
			more = row(&u)
		}
	}
	switch err := rows.Err(); {
	case err != nil:
		return d.dialect.failed(what, err)
	case said.Now == 0:
		return noMeta(what)
	case s == d.reader:
		return s.judge(said.meta)
	}
	return nil
}

// unionRow is a row of a read that is one UNION.
type unionRow struct {
	kind       int
	label      string
	a, b, c, d int64
	data       []byte
}

// preamble is what the rows before those of events say.
type preamble struct {
	meta
	heads    map[event.Channel]Head
	readUpTo uint64
	seenTo   uint64
	excepted int64 // see countsSQL
	types    map[string]uint64
}

func (p *preamble) take(u *unionRow) {
	switch u.kind {
	case kindMeta:
		p.Epoch, p.Now, p.Refusal = event.Epoch(u.label), u.a, string(u.data)
	case kindServer:
		p.Identity, p.Server = u.label, string(u.data)
	case kindChannel:
		name := event.Channel(u.label)
		p.heads[name] = Head{Channel: name, Seq: uint64(u.a), Floor: uint64(u.b), Version: uint64(u.c), Unread: uint64(u.d)}
	case kindRead:
		p.readUpTo = uint64(u.a)
	case kindType:
		if p.types == nil {
			p.types = make(map[string]uint64)
		}
		p.types[u.label] += uint64(u.a)
	case kindSeen:
		p.seenTo, p.excepted = uint64(u.a), u.b
	}
}

// fill gives each snapshot its head and what all of them share.
func fill(into []Snapshot, ranges []Range, said *preamble, cut int) error {
	unasked := maps.Clone(said.heads)
	for i := range into {
		s := &into[i]
		s.Epoch, s.Now, s.Cut = said.Epoch, said.Now, i >= cut
		s.Head = said.heads[ranges[i].Channel]
		s.Channel = ranges[i].Channel
		delete(unasked, ranges[i].Channel)
	}
	if len(unasked) > 0 {
		return fmt.Errorf("read events: %w", errCollision)
	}
	return nil
}

func (d *DB) rangeQuery(ranges []Range, events bool) (string, []any) {
	keys := make([]keyed, len(ranges))
	for i := range ranges {
		keys[i] = keyed{hashOf(ranges[i].Channel), ranges[i].Channel}
	}
	var q strings.Builder
	args := d.startUnion(&q, keys)
	if !events {
		return q.String(), args
	}
	for i := range ranges {
		q.WriteString(" UNION ALL ")
		fmt.Fprintf(&q, d.dialect.part, fmt.Sprintf("SELECT %d, e.type, e.seq, e.flags, e.created_at, e.expires_at, e.data"+
			" FROM events e WHERE e.channel = ? AND e.seq > ? ORDER BY e.seq LIMIT ?", i))
		args = append(args, keys[i].hash[:], int64(min(ranges[i].After, event.MaxSeq)), max(ranges[i].Limit, 1))
	}
	return q.String(), args
}

// startUnion writes the parts that come before those of events.
func (d *DB) startUnion(q *strings.Builder, keys []keyed) []any {
	list, args := hashArgs(keys)
	fmt.Fprintf(q, "SELECT %d AS kind, m.epoch AS label, %s AS a, 0 AS b, 0 AS c, 0 AS d, %s AS data FROM meta m WHERE m.id = 1",
		kindMeta, d.dialect.now, d.dialect.refusal)
	fmt.Fprintf(q, " UNION ALL SELECT %d, m.identity, 0, 0, 0, 0, %s FROM meta m WHERE m.id = 1", kindServer, d.dialect.identity)
	fmt.Fprintf(q, " UNION ALL SELECT %d, c.name, c.head, c.floor, c.version, c.unread, '' FROM channels c WHERE c.hash IN %s", kindChannel, list)
	return args
}
