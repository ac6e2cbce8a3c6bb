package storetest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// BenchData is the data of an event of ordinary size.
var BenchData = []byte(`{"post":7,"by":"mina","text":"` + strings.Repeat("A comment of a usual length. ", 5) + `"}`)

// BenchChannel is the i-th channel of a worker.
func BenchChannel(worker, i int) event.Channel {
	return event.Channel(fmt.Sprintf("user:bench-%d-%d", worker, i))
}

// AppendGroup returns a function that appends a group of single events, each to
// a channel of its own.
func AppendGroup(tb testing.TB, db *store.DB, rows int) func(worker int) error {
	tb.Helper()
	return func(worker int) error {
		entries := make([]store.Entry, rows)
		for i := range entries {
			entries[i] = store.Entry{Channels: []event.Channel{BenchChannel(worker, i)}, Type: "comment", Data: BenchData}
		}
		_, _, err := db.Append(context.Background(), entries)
		return err
	}
}

// RawInsert returns a function that inserts rows of the same size by one plain
// statement, into a table like that of the events: what the database gives to
// somebody who wants nothing else of it.
func RawInsert(tb testing.TB, db *sql.DB, rows int) func(worker int) error {
	tb.Helper()
	_, err := db.ExecContext(tb.Context(), "CREATE TABLE IF NOT EXISTS raw_events LIKE events")
	require.NoError(tb, err)
	_, err = db.ExecContext(tb.Context(), "TRUNCATE TABLE raw_events")
	require.NoError(tb, err)
	var seq atomic.Int64
	query := "INSERT INTO raw_events (channel, seq, type, flags, created_at, expires_at, collapse_key, data) VALUES " + //nolint:gosec // of constants
		strings.Repeat("(?, ?, 'comment', 0, 0, 0, '', ?),", rows-1) + "(?, ?, 'comment', 0, 0, 0, '', ?)"
	return func(worker int) error {
		args := make([]any, 0, 3*rows)
		n := seq.Add(1)
		for i := range rows {
			hash := sha256.Sum256([]byte(BenchChannel(worker, i)))
			args = append(args, hash[:16], n, BenchData)
		}
		_, err := db.ExecContext(context.Background(), query, args...)
		return err
	}
}
