package store

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// A round trip costs more than most statements: two processes change places for
// it twice. So the statements of a transaction travel together wherever the
// database takes several at once. It runs them in order, up to the first that
// fails. Not so a node of Galera: when another node aborts a transaction in the middle
// of a packet, the rest of the packet is carried out by itself. There each statement
// travels alone, and see witness.

// ask is a SELECT, and where its rows go: a pointer to a slice of structs.
type ask struct {
	rows  any
	query string
	args  []any
}

// begin begins the transaction, reads meta, with a lock on it, and locks rows of
// channels, which it returns as lockRows does: one round trip.
func (t *tx) begin(lock string, keys []keyed) ([]channelRow, error) {
	t.open = true // as far as anybody knows
	if t.node != "" {
		if err := t.exec("SET autocommit = 0"); err != nil {
			return nil, err
		}
	}
	if err := t.later(t.dialect.begin); err != nil {
		return nil, err
	}
	if t.node != "" {
		if err := t.exec("SAVEPOINT " + witness); err != nil {
			return nil, err
		}
	}
	var metas []meta
	found, asks := t.askRows(keys)
	asks = slices.Insert(asks, 0, ask{rows: &metas, query: t.dialect.selectMeta() + lock})
	if err := t.lists(asks); err != nil {
		return nil, err
	}
	if len(metas) == 0 {
		return nil, fmt.Errorf("read meta: %w: %w: %w", ErrUnavailable, ErrSchema, errNoMeta)
	}
	t.meta = metas[0]
	return t.hold(found), nil
}

// witness is a savepoint, which dies with its transaction: what can release it before
// COMMIT is the transaction that was begun, and not what a node of Galera made of the
// statements that followed an abort. Without autocommit those wait for a COMMIT too.
const witness = "bellhop"

// together tells whether statements may travel in one packet.
func (t *tx) together() bool { return t.dialect.batches && t.node == "" }

// later has a statement run with the next round trip, or with the end of the
// transaction: nobody needs to wait for its result alone.
func (t *tx) later(query string, args ...any) error {
	if !t.together() {
		return t.exec(query, args...)
	}
	t.pending = append(t.pending, query)
	t.pendingArgs = append(t.pendingArgs, args...)
	for _, a := range args {
		if b, ok := a.([]byte); ok {
			t.pendingBytes += len(b)
		}
	}
	if t.pendingBytes < bytesPerStatement {
		return nil
	}
	return t.flush()
}

// flush runs what later has gathered.
func (t *tx) flush() error {
	if len(t.pending) == 0 {
		return nil
	}
	query, args := t.gathered()
	if _, err := t.conn.ExecContext(t.ctx, query, args...); err != nil {
		return t.failed("write", err)
	}
	return nil
}

// gathered returns what later has gathered, followed by statements, as one text
// with its arguments.
func (t *tx) gathered(statements ...string) (string, []any) {
	query, args := strings.Join(append(t.pending, statements...), "; "), t.pendingArgs
	t.pending, t.pendingArgs, t.pendingBytes = nil, nil, 0
	return query, args
}

// exec runs a statement, after what later has gathered.
func (t *tx) exec(query string, args ...any) error {
	_, err := t.execCount(query, args...)
	return err
}

// execCount is exec and tells how many rows the statement changed.
func (t *tx) execCount(query string, args ...any) (int64, error) {
	query, before := t.gathered(query)
	result, err := t.conn.ExecContext(t.ctx, query, slices.Concat(before, args)...)
	if err != nil {
		return 0, t.failed("write", err)
	}
	n, err := result.RowsAffected() // of the last statement
	if err != nil {
		return 0, t.failed("write", err)
	}
	return n, nil
}

// list runs a SELECT into a slice, after what later has gathered.
func (t *tx) list(dest any, query string, args ...any) error {
	query, before := t.gathered(query)
	if err := t.conn.SelectContext(t.ctx, dest, query, slices.Concat(before, args)...); err != nil {
		return t.failed("read", err)
	}
	return nil
}

// lists runs several SELECTs, after what later has gathered.
func (t *tx) lists(asks []ask) error {
	if !t.together() || len(asks) == 1 {
		for _, a := range asks {
			if err := t.list(a.rows, a.query, a.args...); err != nil {
				return err
			}
		}
		return nil
	}
	if len(asks) == 0 {
		return nil
	}
	for _, a := range asks {
		t.pending = append(t.pending, a.query)
		t.pendingArgs = append(t.pendingArgs, a.args...)
	}
	query, args := t.gathered()
	rows, err := t.conn.QueryxContext(t.ctx, query, args...)
	if err != nil {
		return t.failed("read", err)
	}
	defer rows.Close()
	for i, a := range asks {
		if i > 0 && !rows.NextResultSet() {
			return t.failed("read", cmp.Or(rows.Err(), errUnanswered))
		}
		if err := sqlx.StructScan(rows, a.rows); err != nil {
			return t.failed("read", err)
		}
	}
	return nil
}

// errUnanswered: a statement has no result, and no error either.
var errUnanswered = errors.New("a statement was not answered")

// failed judges an error of a statement inside the transaction.
func (t *tx) failed(what string, err error) error {
	f := t.dialect.classify(err)
	if f == faultRetry {
		return fmt.Errorf("%w: %w", errAgain, err)
	}
	if f == faultLock {
		return fmt.Errorf("%w: %w: %w", errAgain, errLock, err)
	}
	if f == faultAway {
		t.broken = true
	}
	return t.dialect.failed(what, err)
}

// errLock: a lock did not come in time.
var errLock = errors.New("a lock is held by somebody else")
