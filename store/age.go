package store

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/bellhop/bellhop/event"
)

const (
	agePerStep    = 500 // rows deleted in one transaction, or read by one statement
	agedSteps     = 40  // such reads: more rows than a busy log gets between two calls
	expirePerStep = 100 // events that become tombstones in one transaction
)

// AgeOut forgets commit rows, idempotency keys and revocations that have lived
// for longer than CommitLife, KeyLife and RevocationLife, a bounded number of them;
// more tells that there are others. A notifier calls it every few seconds.
func (d *DB) AgeOut(ctx context.Context) (more bool, err error) {
	commits, err := d.ageCommits(ctx)
	if err != nil {
		return false, err
	}
	keys, err := forgetOld[[]byte](ctx, d, "idempotency_keys", "id", KeyLife)
	if err != nil {
		return false, err
	}
	revocations, err := forgetOld[string](ctx, d, "revocations", "subject", RevocationLife)
	return commits || keys || revocations, err
}

// forgetOld is forget in a transaction of its own, for rows that have lived for longer
// than life.
func forgetOld[K any](ctx context.Context, d *DB, table, key string, life time.Duration) (more bool, err error) {
	err = d.write(ctx, func(t *tx) (err error) {
		more, err = forget[K](t, table, key, "at < ? ORDER BY at", t.meta.Now-life.Milliseconds())
		return err
	})
	return more, err
}

// ageCommits moves the low-water mark of the tail, then deletes what is below
// it. A reader compares his position with the mark, whatever the clocks say: the
// rows may have aged because a clock jumped.
func (d *DB) ageCommits(ctx context.Context) (more bool, err error) {
	var low uint64
	err = d.write(ctx, func(t *tx) error {
		if err := t.conn.GetContext(t.ctx, &low, "SELECT low FROM tail WHERE id = 1"+t.dialect.forUpdate); err != nil {
			return t.failed("read the tail", err)
		}
		mark, err := t.agedBelow(low)
		if err != nil || mark == low {
			return err
		}
		low = mark
		return t.exec("UPDATE tail SET low = ? WHERE id = 1", low)
	})
	if err != nil {
		return false, err
	}
	err = d.write(ctx, func(t *tx) error {
		var ids []uint64
		if err := t.list(&ids, "SELECT id FROM commits WHERE id < ? ORDER BY id LIMIT ?", low, agePerStep); err != nil {
			return err
		}
		if more = len(ids) == agePerStep; len(ids) == 0 {
			return nil
		}
		return t.exec("DELETE FROM commits WHERE id <= ?", ids[len(ids)-1])
	})
	return more, err
}

// agedBelow is the id below which all rows of the tail are old enough, from a mark
// below which they are. It reads the rows in the order of their ids, which is nearly
// that of their times, and stops soon after the first that is too young: an index on
// times would be a price of every append. Rows of the future, from before a clock went
// back, are passed over, or they and all that follow would stay.
func (t *tx) agedBelow(mark uint64) (uint64, error) {
	old := t.meta.Now - CommitLife.Milliseconds()
	from := mark
	for range agedSteps {
		var rows []struct {
			ID uint64 `db:"id"`
			At int64  `db:"at"`
		}
		if err := t.list(&rows, "SELECT id, at FROM commits WHERE id >= ? AND at <= ? ORDER BY id LIMIT ?", from, t.meta.Now, agePerStep); err != nil {
			return mark, err
		}
		for _, r := range rows {
			if r.At < old {
				mark = r.ID + 1
			}
		}
		// Without an old one among the last, or at the end, this is as far as it goes.
		if len(rows) < agePerStep || mark <= from {
			break
		}
		from = rows[len(rows)-1].ID + 1
	}
	return mark, nil
}

// Expire makes tombstones of some events whose time has come; more tells that
// there are others. Readers leave such events out from that moment on by
// themselves; this takes their data away, keeps the unread counts right, and
// tells those who hold copies. A notifier calls it every few seconds.
func (d *DB) Expire(ctx context.Context) (more bool, err error) {
	err = d.write(ctx, func(t *tx) error {
		var due []struct {
			At      int64  `db:"at"`
			Channel []byte `db:"channel"`
			Seq     uint64 `db:"seq"`
		}
		if err := t.list(&due, "SELECT at, channel, seq FROM expiries WHERE at <= ? ORDER BY at, channel, seq LIMIT ?", t.meta.Now, expirePerStep); err != nil {
			return err
		}
		more = len(due) == expirePerStep
		if len(due) == 0 {
			return nil
		}
		seqs := make(map[hash][]uint64)
		for _, e := range due {
			seqs[hash(e.Channel)] = append(seqs[hash(e.Channel)], e.Seq)
		}
		keys := make([]keyed, 0, len(seqs))
		for h := range seqs {
			keys = append(keys, keyed{hash: h})
		}
		slices.SortFunc(keys, func(a, b keyed) int { return bytes.Compare(a.hash[:], b.hash[:]) })
		rows, err := t.lockRows(keys)
		if err != nil {
			return err
		}
		for i := range rows {
			row := &rows[i]
			buried, err := t.bury(row, row.kept(seqs[hash(row.Hash)]))
			if err != nil {
				return err
			}
			if len(buried) == 0 {
				continue
			}
			if _, err := t.changed(row, inboxChange{kind: event.NoteRemoved, seqs: buried}); err != nil {
				return err
			}
		}
		for _, e := range due {
			if err := t.later("DELETE FROM expiries WHERE at = ? AND channel = ? AND seq = ?", e.At, e.Channel, e.Seq); err != nil {
				return err
			}
		}
		return nil
	})
	return more, err
}
