package store

import (
	"context"
	"errors"
	"maps"
	"slices"
)

// tables are those that programs read and write, each with a column of its own.
var tables = map[string]string{
	"channels": "hash", "collapses": "channel", "commits": "id", "events": "channel", "expiries": "at",
	"idempotency_keys": "id", "meta": "id", "read_exceptions": "channel", "revocations": "subject", "tail": "id",
}

// CheckRights fails with ErrUnfit if the account may not SELECT, INSERT, UPDATE or DELETE in
// all tables, and names the first that it may not. It tries each in a way that touches no
// row. Nothing is said of tables that are not there yet, nor by a server that is away.
func (d *DB) CheckRights(ctx context.Context) error {
	if d.primary.conn == nil {
		return nil // a file has no accounts
	}
	ctx, cancel := context.WithTimeout(ctx, writeBudget)
	defer cancel()
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		column := tables[table]
		for _, statement := range []string{
			"SELECT " + column + " FROM " + table + " WHERE 1 = 0",
			"INSERT INTO " + table + " (" + column + ") SELECT " + column + " FROM " + table + " WHERE 1 = 0",
			"UPDATE " + table + " SET " + column + " = " + column + " WHERE 1 = 0",
			"DELETE FROM " + table + " WHERE 1 = 0",
		} {
			_, err := d.primary.ExecContext(ctx, statement)
			if err == nil {
				continue
			}
			if err := d.dialect.failed("try the account's rights", err); errors.Is(err, ErrUnfit) {
				return err
			}
			if ctx.Err() != nil {
				return nil
			}
		}
	}
	return nil
}
