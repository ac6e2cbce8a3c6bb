package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/bellhop/bellhop/event"
)

// decideBudget bounds how long we look for what became of a COMMIT. It is
// longer than a lock wait, and than a server takes to notice a closed
// connection.
const decideBudget = 8 * time.Second

// decide finds out whether a COMMIT that was not answered happened. The commit
// row's token decides, by a read that takes a lock: the row was inserted before
// COMMIT was sent, so while the old transaction is still alive it holds that row
// and we wait for its end. Found then means committed, not found rolled back. A
// read without a lock would take "not yet" for "no".
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
	t := &tx{ctx: ctx, conn: conn, dialect: d.dialect}
	defer t.end()
	if err := t.begin(""); err != nil {
		return false, err
	}
	if t.meta.ReadOnly || t.meta.Server != old.meta.Server || t.meta.Epoch != old.meta.Epoch {
		return false, ErrNotPrimary
	}
	var ids []uint64
	if err := t.list(&ids, "SELECT id FROM commits WHERE token = ?"+d.dialect.forUpdate, old.token[:]); err != nil {
		return false, err
	}
	return len(ids) > 0, nil
}

const (
	changesVersion = 1
	changeRewrite  = 1 << 0
	changeRevoke   = 1 << 1
	changeNote     = 1 << 2
)

// packChanges writes the changes of a commit row: a version, then for each
// channel its flags, the length of its name, the name, its head and, if there is
// one, its note. Nothing counts them, the end of the value does.
func packChanges(changes []Change) []byte {
	b := make([]byte, 0, 1+len(changes)*48)
	b = append(b, changesVersion)
	for _, c := range changes {
		var flags byte
		if c.Rewrite {
			flags |= changeRewrite
		}
		if c.Revoke {
			flags |= changeRevoke
		}
		if c.Note != nil {
			flags |= changeNote
		}
		b = append(b, flags, byte(len(c.Channel)))
		b = append(b, c.Channel...)
		b = binary.AppendUvarint(b, c.Head)
		if c.Note != nil {
			b = c.Note.Append(b)
		}
	}
	return b
}

// unpackChanges reads what packChanges wrote. The names share one string.
func unpackChanges(b []byte) ([]Change, error) {
	if len(b) == 0 || b[0] != changesVersion {
		return nil, errors.New("a commit row of an unknown version")
	}
	whole := string(b)
	var changes []Change
	for b = b[1:]; len(b) > 0; {
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return nil, errors.New("a commit row is cut short")
		}
		flags, start, size := b[0], len(whole)-len(b)+2, int(b[1])
		head, n := binary.Uvarint(b[2+size:])
		if n <= 0 {
			return nil, errors.New("a commit row is cut short")
		}
		change := Change{
			Channel: event.Channel(whole[start : start+size]), Head: head,
			Rewrite: flags&changeRewrite != 0, Revoke: flags&changeRevoke != 0,
		}
		b = b[2+size+n:]
		if flags&changeNote != 0 {
			var err error
			if change.Note, b, err = event.ParseNote(b); err != nil {
				return nil, err
			}
		}
		changes = append(changes, change)
	}
	return changes, nil
}
