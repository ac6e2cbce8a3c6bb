package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bellhop/bellhop/event"
)

// Unless says what keeps an event from being told.
type Unless uint8

// What may keep it.
const (
	UnlessRead   Unless = 1 << iota // it was read
	UnlessOnline                    // its person has a stream open when the time comes
	UnlessSeen                      // it was seen; who reads it sees it
)

// spares tells whether an event that is read, or seen, is kept from being told by that.
func (u Unless) spares(read, seen bool) bool {
	return read && u&(UnlessRead|UnlessSeen) != 0 || seen && u&UnlessSeen != 0
}

// Escalation has the product be told of an event, some time after it was appended.
type Escalation struct {
	Target string // a name for whom to tell, at most 32 ASCII characters
	After  time.Duration
	// Digest cuts a person's time into parts: what comes due within one of them is told
	// at its end. Zero: at once.
	Digest time.Duration
	Unless Unless
}

// at is when it is looked whether to tell of an event. The parts of different people do
// not end at the same moments, so that not all of them are told of at once.
func (e Escalation) at(created int64, channel hash) int64 {
	at, part := created+e.After.Milliseconds(), e.Digest.Milliseconds()
	if part <= 0 {
		return at
	}
	phase := int64(binary.BigEndian.Uint32(channel[:4])) % part
	return (at-phase+part-1)/part*part + phase
}

// MaxDue is how many escalations one call returns.
const MaxDue = 500

// Due is an escalation whose time has come.
type Due struct {
	Channel event.Channel
	Seq     uint64
	Target  string
	Unless  Unless
	Size    int // of the event's data
	// Moot: there is nothing to tell. The event is read or seen, if that counts, or not in
	// the lists of the inbox any more.
	Moot bool

	at      int64
	channel hash
}

// Due returns escalations whose time has come, the oldest first, at most MaxDue. It
// returns all events of a digest together, if they are no more than MaxDue.
func (d *DB) Due(ctx context.Context) ([]Due, error) {
	if some, err := d.anyDue(ctx); err != nil || !some {
		return nil, err
	}
	var due []Due
	err := d.write(ctx, func(t *tx) error {
		var rows []struct {
			At      int64         `db:"at"`
			Channel []byte        `db:"channel"`
			Target  string        `db:"target"`
			Seq     uint64        `db:"seq"`
			Unless  Unless        `db:"unless"`
			Name    event.Channel `db:"name"`
			Size    int           `db:"size"`
			Listed  bool          `db:"listed"`
			IsRead  bool          `db:"is_read"`
			IsSeen  bool          `db:"is_seen"`
		}
		if err := t.list(&rows, "SELECT d.at, d.channel, d.target, d.seq, d.unless, COALESCE(c.name, '') AS name, COALESCE(LENGTH(e.data), 0) AS size,"+
			" CASE WHEN e.seq > c.floor AND "+eventListed+" THEN 1 ELSE 0 END AS listed, "+markColumns+
			" FROM escalations d LEFT JOIN channels c ON c.hash = d.channel LEFT JOIN events e ON e.channel = d.channel AND e.seq = d.seq"+
			" LEFT JOIN read_exceptions x ON x.channel = d.channel AND x.seq = d.seq"+
			" WHERE d.at <= ? ORDER BY d.at, d.channel, d.target, d.seq LIMIT ?", t.meta.Now, t.meta.Now, MaxDue); err != nil {
			return err
		}
		due = make([]Due, len(rows))
		for i, r := range rows {
			due[i] = Due{
				Channel: r.Name, Seq: r.Seq, Target: r.Target, Unless: r.Unless, Size: r.Size,
				Moot: !r.Listed || r.Unless.spares(r.IsRead, r.IsSeen),
				at:   r.At, channel: hash(r.Channel),
			}
		}
		return nil
	})
	return untorn(due), err
}

// markColumns tell whether an event is read, and whether it was seen.
const markColumns = "CASE WHEN " + eventRead + " THEN 1 ELSE 0 END AS is_read," +
	" CASE WHEN e.seq <= COALESCE((SELECT s.up_to FROM seen_marks s WHERE s.channel = e.channel), 0) THEN 1 ELSE 0 END AS is_seen"

// untorn leaves out the digest at the end of a full list: there may be more of it.
func untorn(due []Due) []Due {
	if len(due) < MaxDue {
		return due
	}
	last := due[len(due)-1]
	whole := slices.IndexFunc(due, func(e Due) bool { return e.at == last.at && e.channel == last.channel && e.Target == last.Target })
	if whole == 0 {
		return due
	}
	return due[:whole]
}

// anyDue looks without a transaction: most of the time there is nothing.
func (d *DB) anyDue(ctx context.Context) (bool, error) {
	var at []int64
	err := d.read(ctx, d.reader, "look for escalations", &at, "SELECT at FROM escalations WHERE at <= "+d.dialect.now+" LIMIT 1")
	return len(at) > 0, err
}

// ErrRaced means that somebody else made calls of the same escalations.
var ErrRaced = errors.New("somebody else was first")

// MakeCalls ends escalations that Due returned, and writes down the calls that come of
// them: all of it in one transaction, or nothing, with an error. One that does not wrap
// ErrNotWritten says that nobody knows; either way each escalation is still due, or in
// one call.
func (d *DB) MakeCalls(ctx context.Context, due []Due, calls []NewCall) error {
	return d.write(ctx, func(t *tx) error {
		gone := int64(0)
		for chunk := range slices.Chunk(due, collapsesPerStatement) {
			args := make([]any, 0, 4*len(chunk))
			for _, e := range chunk {
				args = append(args, e.at, e.channel[:], e.Target, e.Seq)
			}
			const one = "at = ? AND channel = ? AND target = ? AND seq = ?"
			n, err := t.execCount("DELETE FROM escalations WHERE "+strings.Repeat(one+" OR ", len(chunk)-1)+one, args...)
			if err != nil {
				return err
			}
			gone += n
		}
		if gone != int64(len(due)) {
			return fmt.Errorf("make calls: %w", ErrRaced)
		}
		return t.insertCalls(calls)
	})
}
