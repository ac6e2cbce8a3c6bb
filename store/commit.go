package store

import (
	"context"
	"crypto/rand"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"
)

// errAmbiguous: COMMIT was sent and not answered.
var errAmbiguous = errors.New("commit was not answered")

// commit writes the commit row, if there is anything to tell, runs what is
// pending and ends t. If the server does not say what became of it, it finds out.
func (d *DB) commit(t *tx) error {
	if len(t.changes) > 0 {
		rand.Read(t.token[:])
		// The last statement: the sooner the transaction ends after an id was
		// drawn, the fewer ids commit out of order.
		if err := t.later("INSERT INTO commits (token, at, changes) VALUES (?, ?, ?)", t.token[:], t.meta.Now, packChanges(t.changes)); err != nil {
			return err
		}
	}
	// COMMIT may travel with what is pending only if somebody else can wait for
	// its end: see decide.
	together := t.together() && len(t.changes) > 0 && t.guard != nil
	if !together {
		if err := t.flush(); err != nil {
			return err
		}
	}
	if err := t.ctx.Err(); err != nil {
		return unavailable("commit", err) // nothing was sent
	}
	if t.node != "" {
		if err := t.exec("RELEASE SAVEPOINT " + witness); err != nil {
			t.broken = true
			return fmt.Errorf("%w: the server had ended the transaction: %w", errAgain, err)
		}
	}
	query, args := t.gathered("COMMIT")
	err := t.leave(t.ctx, query, args...)
	if err == nil {
		return nil
	}
	f := d.dialect.classify(err)
	if together && (f == faultRetry || f == faultLock || f == faultInput || f == faultSchema || f == faultDenied) {
		return t.failed("write", err) // one of the others, so that COMMIT was not reached
	}
	t.broken = true
	switch {
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

// decideBudget bounds how long we look for what became of a COMMIT. It is
// longer than a lock wait, and than a server takes to notice a closed
// connection.
const decideBudget = 8 * time.Second

// decide finds out whether a COMMIT that was not answered happened. The commit
// row's token decides: found means committed, not found rolled back. But while
// the old transaction is alive its absence means nothing: the server may still be
// busy with the statements that came with COMMIT. So we wait for the old one's end
// first, by asking for a lock that it had before it sent them, that of its guard's
// row. Without a guard the commit row was there before COMMIT was sent, and the
// read of it takes a lock, which waits in the same way.
//
// It returns nil (committed), errAgain (certainly not) or errAmbiguous.
func (d *DB) decide(t *tx, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), decideBudget)
	defer cancel()
	d.primary.drop()
	for try := 1; ; try++ {
		found, err := d.committed(ctx, t)
		switch {
		case err == nil && found:
			return nil
		case err == nil:
			return fmt.Errorf("%w: %w", errAgain, cause)
		case errors.Is(err, ErrNotPrimary):
			// Another server, or another life: what the old one did is its secret.
			return fmt.Errorf("%w: %w: %w", errAmbiguous, cause, err)
		}
		if !pause(ctx, try) {
			return fmt.Errorf("%w: %w: %w", errAmbiguous, cause, err)
		}
	}
}

// committed asks the server that t was begun on for t's commit row.
func (d *DB) committed(ctx context.Context, old *tx) (found bool, err error) {
	conn, err := d.primary.Connx(ctx)
	if err != nil {
		return false, d.dialect.failed("connect", err)
	}
	t := &tx{ctx: ctx, conn: conn, dialect: d.dialect, node: nodeOf(conn)}
	defer t.end()
	if _, err := t.begin("", nil); err != nil {
		return false, err
	}
	if t.meta.Refusal != "" || t.meta.Server != old.meta.Server || t.meta.Epoch != old.meta.Epoch {
		return false, ErrNotPrimary
	}
	if old.guard != nil {
		if _, err := t.lockRows([]keyed{*old.guard}); err != nil {
			return false, err
		}
	}
	var ids []uint64
	if err := t.list(&ids, "SELECT id FROM commits WHERE token = ?"+d.dialect.forUpdate, old.token[:]); err != nil {
		return false, err
	}
	if len(ids) == 0 && t.node != old.node {
		// Locks end at the border of a node: the old transaction may be alive there.
		return false, ErrNotPrimary
	}
	return len(ids) > 0, nil
}
