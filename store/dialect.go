package store

import (
	"errors"
	"fmt"
	"strings"
)

// dialect holds the little that differs between the databases. All other SQL in
// this package is understood by MySQL 8.4, MariaDB 10.6 and SQLite alike.
type dialect struct {
	begin        string // begins a transaction that writes
	batches      bool   // several statements may travel as one
	insertIgnore string
	forUpdate    string // locks the rows of a SELECT
	forShare     string
	byPrimaryKey string // follows the name of a table: no other way to its rows
	part         string // format of one part of a UNION that has a LIMIT of its own
	identity     string // of the server's log, an expression
	own          string // of the server alone, an expression
	refusal      string // why the server takes no writes, an expression; empty: it does
	now          string // milliseconds since 1970, an expression
	// quickLocks and usualLocks set how long the statements that follow wait
	// for a lock; empty where no two transactions write at the same time.
	quickLocks, usualLocks string
	// dirty has the next SELECT see what is not committed yet; empty: as above.
	dirty string

	classify func(error) fault
	goose    string
	folder   string // of migrations
}

// fault says what an error of the database means for who asked.
type fault int

const (
	faultAway     fault = iota // no answer, or none that says more
	faultRetry                 // a deadlock: nothing happened, once more may do
	faultLock                  // a lock did not come in time: the same
	faultReadOnly              // the server takes no writes
	faultSchema                // a table or column is not there
	faultDenied                // the account lacks a right
	faultInput                 // the values are at fault: once more will not do
)

// failed wraps an error of the database for the callers of this package.
func (d *dialect) failed(what string, err error) error {
	switch {
	case errors.Is(err, ErrUnavailable), errors.Is(err, ErrSchema):
		return err
	}
	switch d.classify(err) {
	case faultInput:
		return fmt.Errorf("%s: %w", what, err)
	case faultSchema:
		return fmt.Errorf("%s: %w: %w: %w", what, ErrSchema, ErrUnavailable, err)
	case faultDenied:
		return fmt.Errorf("%s: %w: %w: its account lacks a right: %w", what, ErrUnavailable, ErrUnfit, err)
	case faultReadOnly:
		return fmt.Errorf("%s: %w: %w: %w", what, ErrNotPrimary, ErrUnavailable, err)
	default:
		return fmt.Errorf("%s: %w: %w", what, ErrUnavailable, err)
	}
}

// placeholders returns n times group, joined by commas: "(?,?),(?,?)".
func placeholders(n int, group string) string {
	if n == 0 {
		return ""
	}
	return strings.Repeat(group+",", n-1) + group
}

// in returns "(?,?,…)" and the values as arguments.
func in[T any](values []T) (string, []any) {
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	return "(" + placeholders(len(values), "?") + ")", args
}
