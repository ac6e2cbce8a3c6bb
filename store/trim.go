package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bellhop/bellhop/event"
)

const (
	channelsPerStep = 100 // looked at by one Trim
	// trimPerStep is how many events of a channel one transaction looks at, to move
	// the floor, and how many it deletes.
	trimPerStep = 500
	// trimTime is after how long one Trim leaves the rest to others, about.
	trimTime = time.Second
)

// TrimCursor is how far a walk over all channels has got. The zero value is its
// beginning, and its end.
type TrimCursor struct{ after hash }

// Trim does one bounded step of a walk over all channels: it looks at some, and
// takes away what is older, or more, than policy wants kept. Call it again with
// what it returned; the zero value says that the walk is through. A channel in
// which more is to be taken away than a second takes is finished by the next walks.
//
// The floor moves in a small transaction of its own, then rows are deleted: a
// reader never finds events missing above a floor. Of an inbox that loses unread
// events the tail tells, with its new count; those who hold copies may keep them.
// Several notifiers may trim at the same time. policy is called without locks held;
// it must be quick.
func (d *DB) Trim(ctx context.Context, from TrimCursor, policy func(event.Channel) Retention) (TrimCursor, error) {
	return d.trim(ctx, from, policy, trimTime)
}

// trim is Trim with its time.
func (d *DB) trim(ctx context.Context, from TrimCursor, policy func(event.Channel) Retention, most time.Duration) (TrimCursor, error) {
	m, err := d.judgeMeta(ctx)
	if err != nil {
		return from, err
	}
	var rows []channelRow
	if err := d.primary.SelectContext(ctx, &rows, "SELECT "+channelColumns+" FROM channels c WHERE c.hash > ? ORDER BY c.hash LIMIT ?",
		from.after[:], channelsPerStep); err != nil {
		return from, d.dialect.failed("trim", err)
	}
	if len(rows) == 0 {
		return TrimCursor{}, nil
	}
	oldest, err := d.oldestEvents(ctx, rows)
	if err != nil {
		return from, err
	}
	began := time.Now()
	for i := range rows {
		row := &rows[i]
		first, some := oldest[hash(row.Hash)]
		if !some {
			continue
		}
		limit := policy(row.Name)
		for more := limit.takes(row, first.Seq, first.CreatedAt, m.Now); more; {
			if more, err = d.trimChannel(ctx, row, limit); errors.Is(err, ErrUnavailable) {
				return from, fmt.Errorf("trim %s: %w", row.Name, err)
			} else if err != nil {
				// One damaged channel must not end the walk for ever.
				d.log.ErrorContext(ctx, "old events of a channel can't be deleted", "channel", row.Name, "error", err)
			}
			if time.Since(began) > most {
				return TrimCursor{hash(row.Hash)}, nil
			}
		}
	}
	if len(rows) < channelsPerStep {
		return TrimCursor{}, nil
	}
	return TrimCursor{hash(rows[len(rows)-1].Hash)}, nil
}

// trimChannel takes away some of what is too much in a channel; more tells that
// there may be more of it.
func (d *DB) trimChannel(ctx context.Context, row *channelRow, limit Retention) (more bool, err error) {
	gone, err := d.raiseFloor(ctx, row, limit)
	if err != nil {
		return false, err
	}
	swept, err := d.sweepBelow(ctx, hash(row.Hash), row.Floor)
	return gone == trimPerStep || swept == trimPerStep, err
}

// takes tells whether an event is one that retention takes away. An event that
// is below the floor was taken before.
func (l Retention) takes(row *channelRow, seq uint64, createdAt, now int64) bool {
	if seq <= row.Floor {
		return true
	}
	if l.MaxCount > 0 && row.Head-seq >= uint64(l.MaxCount) {
		return true
	}
	return l.MaxAge > 0 && createdAt < now-int64(l.MaxAge/time.Millisecond)
}

// stamp is what trimming reads of an event.
type stamp struct {
	Channel   []byte `db:"channel"`
	Seq       uint64 `db:"seq"`
	CreatedAt int64  `db:"created_at"`
}

const stampColumns = "e.channel, e.seq, e.created_at"

// oldestEvents reads the first event of each channel, whether it is below the
// floor or not.
func (d *DB) oldestEvents(ctx context.Context, rows []channelRow) (map[hash]stamp, error) {
	part := fmt.Sprintf(d.dialect.part, "SELECT "+stampColumns+" FROM events e WHERE e.channel = ? ORDER BY e.seq LIMIT 1")
	query := strings.Repeat(part+" UNION ALL ", len(rows)-1) + part
	args := make([]any, len(rows))
	for i := range rows {
		args[i] = rows[i].Hash
	}
	var found []stamp
	if err := d.primary.SelectContext(ctx, &found, query, args...); err != nil {
		return nil, d.dialect.failed("trim", err)
	}
	oldest := make(map[hash]stamp, len(found))
	for _, s := range found {
		oldest[hash(s.Channel)] = s
	}
	return oldest, nil
}

// raiseFloor moves the floor of a channel past some of the events that limit takes,
// in a transaction of its own. It leaves the new floor in row and returns how many
// events those were.
func (d *DB) raiseFloor(ctx context.Context, row *channelRow, limit Retention) (n int, err error) {
	err = d.writeChannel(ctx, row.Name, func(t *tx, locked *channelRow) error {
		n = 0
		if locked == nil {
			return nil
		}
		*row = *locked
		var events []stamp
		if err := t.list(&events, "SELECT "+stampColumns+" FROM events e WHERE e.channel = ? AND e.seq > ? ORDER BY e.seq LIMIT ?",
			row.Hash, row.Floor, trimPerStep); err != nil {
			return err
		}
		var gone []uint64
		for _, e := range events {
			if !limit.takes(row, e.Seq, e.CreatedAt, t.meta.Now) {
				break
			}
			gone = append(gone, e.Seq)
		}
		if n = len(gone); n == 0 {
			return nil
		}
		floor := gone[n-1]
		if err := t.settle(row, floor); err != nil {
			return err
		}
		row.Floor = floor
		if row.Unread != locked.Unread && row.Name.Namespace() == event.InboxNamespace {
			note := row.note(inboxChange{kind: event.NoteRemoved, seqs: gone})
			t.changes = append(t.changes, Change{Channel: row.Name, Head: row.Head, Note: note})
		}
		return t.updateChannel(row)
	})
	return n, err
}

// sweepBelow deletes some rows at or below a floor that has moved already, and
// returns how many.
func (d *DB) sweepBelow(ctx context.Context, channel hash, floor uint64) (n int64, err error) {
	err = d.write(ctx, func(t *tx) (err error) {
		n = 0
		var rows []struct {
			Seq uint64 `db:"seq"`
			Key string `db:"collapse_key"`
		}
		if err := t.list(&rows, "SELECT seq, collapse_key FROM events WHERE channel = ? AND seq <= ? ORDER BY seq LIMIT ?",
			channel[:], floor, trimPerStep); err != nil || len(rows) == 0 {
			return err
		}
		for _, r := range rows {
			if err := t.dropCollapse(channel, r.Key, r.Seq); err != nil {
				return err
			}
		}
		n, err = t.execCount("DELETE FROM events WHERE channel = ? AND seq <= ?", channel[:], rows[len(rows)-1].Seq)
		return err
	})
	return n, err
}
