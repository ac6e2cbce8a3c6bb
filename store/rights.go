package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
)

// tables are those that programs read and write, each with a column of its own.
var tables = map[string]string{
	"audit": "id", "channels": "hash", "collapses": "channel", "commits": "id",
	"escalation_calls": "id", "escalations": "at", "events": "channel", "expiries": "at", "idempotency_keys": "id", "meta": "id", "read_exceptions": "channel", "revocations": "subject",
	"seen_marks": "channel", "tail": "id",
}

// right is what an account has to be allowed, and a statement that needs it and touches
// no row: %[1]s is a table, %[2]s a column of it.
type right struct{ name, statement string }

var (
	readRights  = []right{{"SELECT", "SELECT %[2]s FROM %[1]s WHERE 1 = 0"}}
	writeRights = append(slices.Clone(readRights),
		right{"UPDATE", "UPDATE %[1]s SET %[2]s = %[2]s WHERE 1 = 0"},
		right{"DELETE", "DELETE FROM %[1]s WHERE 1 = 0"},
		right{"INSERT", "INSERT INTO %[1]s (%[2]s) SELECT %[2]s FROM %[1]s WHERE 1 = 0"})
)

// CheckRights fails with ErrUnfit if the account may not SELECT, INSERT, UPDATE or DELETE in
// all tables, and names the first that it may not. It tries each in a way that touches no
// row. Nothing is said of tables that are not there yet, nor by a server that is away.
func (d *DB) CheckRights(ctx context.Context) error {
	if d.primary.conn == nil {
		return nil // a file has no accounts
	}
	ctx, cancel := context.WithTimeout(ctx, writeBudget)
	defer cancel()
	for refused := range d.denied(ctx, d.primary, writeRights) {
		return refused.err
	}
	return nil
}

// refusal is a right that the account lacks in a table, and an error that wraps ErrUnfit
// and has the server's sentence.
type refusal struct {
	right string
	err   error
}

// denied tries rights in all tables, and yields those that are refused. It ends with ctx.
func (d *DB) denied(ctx context.Context, s *server, rights []right) iter.Seq[refusal] {
	return func(yield func(refusal) bool) {
		for _, table := range slices.Sorted(maps.Keys(tables)) {
			for _, r := range rights {
				_, err := s.ExecContext(ctx, fmt.Sprintf(r.statement, table, tables[table]))
				if err == nil {
					continue
				}
				if err := d.dialect.failed("try the account's rights", err); errors.Is(err, ErrUnfit) && !yield(refusal{r.name, err}) || ctx.Err() != nil {
					return
				}
			}
		}
	}
}
