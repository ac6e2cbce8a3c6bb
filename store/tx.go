package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// tx is one transaction that writes, on a connection of its own. sql.Tx would
// not do: its Commit takes no context, so that nothing would bound it, and it
// hides whether COMMIT was sent.
type tx struct {
	ctx     context.Context //nolint:containedctx // a tx lives inside one call
	conn    *sqlx.Conn
	dialect *dialect
	meta    meta
	changes []Change // what the commit row is to say; none: no row
	token   Token
	broken  bool // the connection must not be used again
	open    bool

	pending      []string // statements for flush, with their arguments
	pendingArgs  []any
	pendingBytes int
}

// errAmbiguous: COMMIT was sent and not answered.
var errAmbiguous = errors.New("commit was not answered")

// write runs fn in one transaction on the primary, and again, a bounded number
// of times, after a deadlock or a lock that did not come. fn must set all that
// it returns anew in each run. Whatever fn put into t.changes becomes the commit
// row. An error wraps ErrNotWritten unless COMMIT was sent and nobody knows.
func (d *DB) write(ctx context.Context, fn func(*tx) error) error {
	return d.writeAs(ctx, d.dialect.forShare, func(t *tx) error {
		if err := t.meta.check(); err != nil {
			return err
		}
		return fn(t)
	})
}

// writeAs is write with a lock on meta to choose, and without the check.
func (d *DB) writeAs(ctx context.Context, lock string, fn func(*tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, writeBudget)
	defer cancel()
	for try := 1; ; try++ {
		err := d.attempt(ctx, lock, fn)
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
	t := time.NewTimer(time.Duration(try) * (5*time.Millisecond + mrand.N(20*time.Millisecond)))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// attempt runs one transaction. Every error but errAmbiguous says that nothing
// was written.
func (d *DB) attempt(ctx context.Context, lock string, fn func(*tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, txTimeout)
	defer cancel()
	conn, err := d.primary.Connx(ctx)
	if err != nil {
		return d.dialect.failed("connect", err)
	}
	t := &tx{ctx: ctx, conn: conn, dialect: d.dialect}
	defer t.end()
	if err := t.begin(lock); err != nil {
		return err
	}
	if err := fn(t); err != nil {
		return err
	}
	if len(t.changes) > 0 {
		rand.Read(t.token[:])
		// The last statement: the sooner the transaction ends after an id was
		// drawn, the fewer ids commit out of order.
		if err := t.later("INSERT INTO commits (token, at, changes) VALUES (?, ?, ?)", t.token[:], t.meta.Now, packChanges(t.changes)); err != nil {
			return err
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	return d.commit(t)
}

// commit ends t, and finds out what became of it if the server did not say.
func (d *DB) commit(t *tx) error {
	if err := t.ctx.Err(); err != nil {
		return unavailable("commit", err) // nothing was sent
	}
	_, err := t.conn.ExecContext(t.ctx, "COMMIT")
	if err == nil {
		t.open = false
		return nil
	}
	t.broken = true
	switch f := d.dialect.classify(err); {
	case f == faultRetry:
		return fmt.Errorf("%w: %w", errAgain, err) // a cluster that certifies at commit
	case f == faultReadOnly, errors.Is(err, driver.ErrBadConn):
		return d.dialect.failed("commit", err) // refused, or not sent
	case len(t.changes) == 0:
		return fmt.Errorf("%w: %w", errAmbiguous, err)
	}
	t.end() // the old connection first: the server is to end what is left of it
	return d.decide(t, err)
}

// begin begins the transaction and reads meta, with a lock on it.
func (t *tx) begin(lock string) error {
	query := t.dialect.selectMeta() + lock
	t.open = true // as far as anybody knows
	if t.dialect.batches {
		query = t.dialect.begin + "; " + query
	} else if err := t.exec(t.dialect.begin); err != nil {
		return err
	}
	err := t.conn.GetContext(t.ctx, &t.meta, query)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read meta: %w: %w: %w", ErrUnavailable, ErrSchema, errNoMeta)
	}
	if err != nil {
		return t.failed("read meta", err)
	}
	return nil
}

// later has a statement run when flush is called, or before: nobody needs to
// wait for its result alone. A round trip costs more than most statements.
func (t *tx) later(query string, args ...any) error {
	if !t.dialect.batches {
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

// flush runs what later has gathered, in order, up to the first that fails.
func (t *tx) flush() error {
	if len(t.pending) == 0 {
		return nil
	}
	query, args := strings.Join(t.pending, "; "), t.pendingArgs
	t.pending, t.pendingArgs, t.pendingBytes = nil, nil, 0
	return t.exec(query, args...)
}

// exec runs a statement.
func (t *tx) exec(query string, args ...any) error {
	_, err := t.execCount(query, args...)
	return err
}

// execCount runs a statement and tells how many rows it changed.
func (t *tx) execCount(query string, args ...any) (int64, error) {
	result, err := t.conn.ExecContext(t.ctx, query, args...)
	if err != nil {
		return 0, t.failed("write", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, t.failed("write", err)
	}
	return n, nil
}

// list runs a SELECT into a slice of structs.
func (t *tx) list(dest any, query string, args ...any) error {
	if err := t.conn.SelectContext(t.ctx, dest, query, args...); err != nil {
		return t.failed("read", err)
	}
	return nil
}

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

// end gives the connection back, or closes it if anything about it is in doubt.
func (t *tx) end() {
	if t.conn == nil {
		return
	}
	if t.open && !t.broken {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), closeTimeout)
		_, err := t.conn.ExecContext(ctx, "ROLLBACK")
		cancel()
		t.broken = err != nil
	}
	if t.broken {
		// The only way to have database/sql close a connection for good.
		_ = t.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	_ = t.conn.Close()
	t.conn = nil
}
