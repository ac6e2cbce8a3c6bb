package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/bellhop/bellhop/internal/wait"
)

// tx is one transaction that writes, on a connection of its own. sql.Tx would
// not do: its Commit takes no context, so that nothing would bound it, and it
// hides whether COMMIT was sent.
type tx struct {
	ctx     context.Context //nolint:containedctx // a tx lives inside one call
	conn    *sqlx.Conn
	dialect *dialect
	node    string // of Galera; empty: none
	meta    meta
	changes []Change // what the commit row is to say; none: no row
	token   Token
	guard   *keyed // a channel whose row is locked until the end; nil: none
	broken  bool   // the connection must not be used again
	open    bool

	pending      []string // statements that wait for a round trip, with their arguments
	pendingArgs  []any
	pendingBytes int
}

// write runs fn in one transaction on the primary, and again, a bounded number
// of times, after a deadlock or a lock that did not come. fn must set all that
// it returns anew in each run. Whatever fn put into t.changes becomes the commit
// row. An error wraps ErrNotWritten unless COMMIT was sent and nobody knows.
func (d *DB) write(ctx context.Context, fn func(*tx) error) error {
	return d.writeTo(ctx, nil, func(t *tx, _ []channelRow) error { return fn(t) })
}

// writeTo is write for who knows from the start which channels it is about: fn
// gets their rows, as lockRows returns them, and none of them cost it a round
// trip.
func (d *DB) writeTo(ctx context.Context, keys []keyed, fn func(*tx, []channelRow) error) error {
	return d.writeAs(ctx, d.dialect.forShare, keys, func(t *tx, rows []channelRow) error {
		if err := d.primary.judge(t.meta); err != nil {
			return err
		}
		return fn(t, rows)
	})
}

// writeAs is writeTo with a lock on meta to choose, and without the check.
func (d *DB) writeAs(ctx context.Context, lock string, keys []keyed, fn func(*tx, []channelRow) error) error {
	ctx, cancel := context.WithTimeout(ctx, writeBudget)
	defer cancel()
	for try := 1; ; try++ {
		err := d.attempt(ctx, lock, keys, fn)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errAmbiguous):
			return unavailable("write", err)
		}
		if errors.Is(err, ErrNotPrimary) {
			d.primary.drop()
		}
		again := errors.Is(err, errAgain)
		if again && try < writeTries && (errors.Is(err, errRestart) || pause(ctx, try)) {
			continue
		}
		if again {
			err = unavailable("write", err)
		}
		return fmt.Errorf("%w: %w", ErrNotWritten, err)
	}
}

// errAgain: nothing was written, and the same may succeed when it is repeated.
var errAgain = errors.New("the transaction was rolled back")

// errRestart is an errAgain that nobody collided in.
var errRestart = fmt.Errorf("%w on purpose", errAgain)

// pause waits a little, at random so that those who collided do not meet again.
func pause(ctx context.Context, try int) bool {
	return wait.For(ctx, time.Duration(try)*(5*time.Millisecond+mrand.N(20*time.Millisecond)))
}

// attempt runs one transaction. Every error but errAmbiguous says that nothing
// was written.
func (d *DB) attempt(ctx context.Context, lock string, keys []keyed, fn func(*tx, []channelRow) error) error {
	ctx, cancel := context.WithTimeout(ctx, txTimeout)
	defer cancel()
	conn, err := d.primary.Connx(ctx)
	if err != nil {
		return d.dialect.failed("connect", err)
	}
	t := &tx{ctx: ctx, conn: conn, dialect: d.dialect, node: nodeOf(conn)}
	defer t.end()
	rows, err := t.begin(lock, keys)
	if err != nil {
		return err
	}
	if err := fn(t, rows); err != nil {
		return err
	}
	return d.commit(t)
}

// end gives the connection back, or closes it if anything about it is in doubt.
func (t *tx) end() {
	if t.conn == nil {
		return
	}
	if t.open && !t.broken {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), closeTimeout)
		if t.leave(ctx, "ROLLBACK") != nil {
			t.broken = true
		}
		cancel()
	}
	if t.broken {
		// The only way to have database/sql close a connection for good.
		_ = t.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	_ = t.conn.Close()
	t.conn = nil
}

// leave ends the transaction by a statement.
func (t *tx) leave(ctx context.Context, statement string, args ...any) error {
	if _, err := t.conn.ExecContext(ctx, statement, args...); err != nil {
		return err
	}
	t.open = false
	if t.node != "" {
		// What failed after the end is the connection's trouble alone.
		_, err := t.conn.ExecContext(ctx, "SET autocommit = 1")
		t.broken = err != nil
	}
	return nil
}
