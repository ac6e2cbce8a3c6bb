package store

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"

	"github.com/bellhop/bellhop/event"
)

// maxRevocations is how many revocations one call returns.
const maxRevocations = 1000

// Revocation says that the tokens of a person that were issued up to a moment
// are no good.
type Revocation struct {
	Subject string    // as the key of the person's inbox; see also Lifts
	At      time.Time // by the clock of the primary, in milliseconds
}

// Revoke makes the tokens of a person no good that were issued up to now, and
// tells the tail: the commit row names the inbox, with Revoke set.
func (d *DB) Revoke(ctx context.Context, inbox event.Channel) error {
	return d.write(ctx, func(t *tx) error {
		t.changes = append(t.changes, Change{Channel: inbox, Revoke: true})
		return t.later("REPLACE INTO revocations (subject, at) VALUES (?, ?)", inbox.Key(), t.meta.Now)
	})
}

// LiftRevocation makes those tokens good again, and tells the tail as Revoke does. Without
// a revocation it does nothing.
//
// Readers go on from the newest that they know, and would not notice that a row is gone.
// So a row tells them, in the place of a subject that no person can have: programs that do
// not know it refuse the tokens as before.
func (d *DB) LiftRevocation(ctx context.Context, inbox event.Channel) error {
	return d.write(ctx, func(t *tx) error {
		var at []int64
		if err := t.list(&at, "SELECT at FROM revocations WHERE subject = ?", inbox.Key()); err != nil || len(at) == 0 {
			return err
		}
		if err := t.exec("DELETE FROM revocations WHERE subject = ?", inbox.Key()); err != nil {
			return err
		}
		t.changes = append(t.changes, Change{Channel: inbox, Revoke: true})
		return t.later("REPLACE INTO revocations (subject, at) VALUES (?, ?)", LiftedSubject(inbox.Key()), max(t.meta.Now, at[0]+1))
	})
}

// liftedMark begins the subject of a row that lifts a revocation. No key of an inbox has it.
const liftedMark = "!"

// LiftedSubject is the Subject of the Revocation that lifts all earlier revocations of
// a person.
func LiftedSubject(key string) string {
	sum := sha256.Sum256([]byte(key)) // a key may be as long as the column
	return liftedMark + base64.RawURLEncoding.EncodeToString(sum[:])
}

// Lifts tells whether the revocation is one that lifts others.
func (r *Revocation) Lifts() bool { return strings.HasPrefix(r.Subject, liftedMark) }

// Revoked is when the tokens of a person were revoked last, by the primary; the zero time:
// they are not.
func (d *DB) Revoked(ctx context.Context, inbox event.Channel) (time.Time, error) {
	var at []int64
	if err := d.read(ctx, d.reader, "read a revocation", &at,
		"SELECT at FROM revocations WHERE subject = ?", inbox.Key()); err != nil || len(at) == 0 {
		return time.Time{}, err
	}
	return time.UnixMilli(at[0]), nil
}

// Revocations returns revocations made at or after a moment, the oldest first;
// more tells that there are others, after the moment of the last one returned. It
// reads the primary or, while that one is away, a replica, which may not know the
// newest. They do not become visible in the order of their moments: readers go
// back a little and know what they have had.
func (d *DB) Revocations(ctx context.Context, since time.Time) (list []Revocation, more bool, err error) {
	from := int64(0)
	if !since.IsZero() {
		from = since.UnixMilli()
	}
	var rows []struct {
		Subject string `db:"subject"`
		At      int64  `db:"at"`
	}
	_, err = d.primaryOrReplica(ctx, func(ctx context.Context, s *server) error {
		// All of one millisecond, or who reads on could stay there for ever.
		return d.read(ctx, s, "read revocations", &rows, "SELECT subject, at FROM revocations WHERE at >= ? AND at <= COALESCE("+
			"(SELECT at FROM revocations WHERE at >= ? ORDER BY at LIMIT 1 OFFSET ?), ?) ORDER BY at, subject",
			from, from, maxRevocations-1, int64(1)<<62)
	})
	if err != nil {
		return nil, false, err
	}
	for _, r := range rows {
		list = append(list, Revocation{Subject: r.Subject, At: time.UnixMilli(r.At)})
	}
	return list, len(list) >= maxRevocations, nil
}

// RevocationLife is how long a revocation is kept: as long as a token may live,
// with a day for clocks that differ.
const RevocationLife = 401 * 24 * time.Hour
