package workload

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/bellhop/bellhop/event"
)

// ReadContents reads what a MySQL server holds of a channel, by plain queries of
// its own: the code under test has no part in it.
func ReadContents(ctx context.Context, db *sql.DB, database string, ch event.Channel) (Contents, error) {
	c := Contents{IDs: map[uint64]string{}}
	table := func(name string) string { return "`" + database + "`." + name }
	if err := db.QueryRowContext(ctx, "SELECT epoch FROM "+table("meta")).Scan(&c.Epoch); err != nil {
		return c, err
	}
	var hash []byte
	err := db.QueryRowContext(ctx, "SELECT hash, head, floor FROM "+table("channels")+" WHERE name = ?", string(ch)).Scan(&hash, &c.Head, &c.Floor)
	if errors.Is(err, sql.ErrNoRows) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	//nolint:gosec // the name of the database is the test environment's own
	rows, err := db.QueryContext(ctx, "SELECT seq, data FROM "+table("events")+" WHERE channel = ? AND seq > ?", hash, c.Floor)
	if err != nil {
		return c, err
	}
	defer rows.Close()
	for rows.Next() {
		var seq uint64
		var data []byte
		var d payload
		if err := rows.Scan(&seq, &data); err != nil {
			return c, err
		}
		if len(data) > 0 { // a deleted event has none
			if err := json.Unmarshal(data, &d); err != nil {
				return c, fmt.Errorf("%s %d: %w", ch, seq, err)
			}
		}
		c.IDs[seq] = d.ID
	}
	return c, rows.Err()
}
