// Package domain is what the demo's three systems have in common: one database,
// transactions that tell what happened in them, people, and refusals.
//
// A system knows its own business and nothing of notifications. What others may
// want to hear of it emits inside its transaction; whoever subscribed is asked
// there, before the commit, so that what a subscriber writes is there if and only
// if the thing itself is.
package domain

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// Why something was not done, for errors.Is.
var (
	// ErrInvalid: it breaks a rule of the input.
	ErrInvalid = errors.New("invalid")
	// ErrNotFound: there is no such thing.
	ErrNotFound = errors.New("not found")
	// ErrNotAllowed: somebody else may, but not this person.
	ErrNotAllowed = errors.New("not allowed")
	// ErrConflict: things are not in the state for it.
	ErrConflict = errors.New("conflict")
	// ErrBusy: it may be done later.
	ErrBusy = errors.New("busy")
)

// refusal is one of these errors, in the words for this case.
type refusal struct {
	kind error
	text string
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.kind }

// Refuse makes an error of a kind whose whole text is for people.
func Refuse(kind error, format string, args ...any) error {
	return &refusal{kind, fmt.Sprintf(format, args...)}
}

// Event is something that happened: a value of a type of one of the systems,
// such as community.CommentWritten. It has all that a subscriber needs, and is
// not changed by anybody.
type Event any

// Subscriber is told of an event inside the transaction that it happened in, and
// may write in it. An error undoes the transaction: a subscriber returns one only
// if its own writing failed.
type Subscriber func(ctx context.Context, tx *sqlx.Tx, e Event) error

// Tx is a transaction that tells what happens in it. It is not safe for
// concurrent use and ends with the function that it was given to.
type Tx struct {
	*sqlx.Tx

	db *DB
}

// Emit tells the subscribers of an event, one after the other.
func (t *Tx) Emit(ctx context.Context, e Event) error {
	for _, subscriber := range t.db.subscribers {
		if err := subscriber(ctx, t.Tx, e); err != nil {
			return err
		}
	}
	return nil
}
