package domain

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/jmoiron/sqlx"
	_ "modernc.org/sqlite" // the driver
)

// MaxConns is the size of the pool: small, fixed, and enough, because nothing
// holds a connection for longer than a query takes. Streams hold none.
const MaxConns = 4

// DB is the database of the demo. Its methods are safe for concurrent use, but
// for Subscribe, which comes before all others.
type DB struct {
	*sqlx.DB

	subscribers []Subscriber
	committed   []func()
}

// Open opens the file, makes it if it is missing, and runs the schemas, which
// must be repeatable. Close it in the end.
func Open(ctx context.Context, path string, schemas ...string) (*DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	// SQLite itself would make a file that everybody can read.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("demo's database: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("demo's database: %w", err)
	}
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{
		"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"},
		"_txlock": {"immediate"}, // one that begins by reading could fail when it comes to write
	}.Encode()}
	db, err := sqlx.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("demo's database: %w", err)
	}
	db.SetMaxOpenConns(MaxConns)
	db.SetMaxIdleConns(MaxConns)
	for _, schema := range schemas {
		if _, err := db.ExecContext(ctx, schema); err != nil {
			return nil, errors.Join(fmt.Errorf("schema of the demo: %w", err), db.Close())
		}
	}
	return &DB{DB: db}, nil
}

// Subscribe adds a subscriber to all events, and a function that is called after
// every commit of a transaction; nil if nobody needs it.
func (d *DB) Subscribe(s Subscriber, committed func()) {
	d.subscribers = append(d.subscribers, s)
	if committed != nil {
		d.committed = append(d.committed, committed)
	}
}

// Write runs f in a transaction, and commits it if f returns nil.
func (d *DB) Write(ctx context.Context, f func(tx *Tx) error) error {
	tx, err := d.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it is committed, or its error is known already
	if err := f(&Tx{Tx: tx, db: d}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	for _, tell := range d.committed {
		tell()
	}
	return nil
}

// Add inserts a row in a transaction of its own and returns its id. What happened, unless
// it is nil, makes the event that tells of it.
func (d *DB) Add(ctx context.Context, happened func(id int64) Event, query string, args ...any) (id int64, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		if id, err = Insert(ctx, tx, query, args...); err != nil || happened == nil {
			return err
		}
		return tx.Emit(ctx, happened(id))
	})
	return id, err
}

// One reads a single row into dest; ErrNotFound, with the name of what was looked
// for, if there is none.
func One(ctx context.Context, q sqlx.QueryerContext, dest any, what, query string, args ...any) error {
	err := sqlx.GetContext(ctx, q, dest, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return Refuse(ErrNotFound, "there is no such %s", what)
	}
	return err
}

// List reads rows; a list without any is empty and not nil, for the JSON of it.
func List[T any](ctx context.Context, q sqlx.QueryerContext, query string, args ...any) ([]T, error) {
	list := []T{}
	err := sqlx.SelectContext(ctx, q, &list, query, args...)
	return list, err
}

// Insert adds a row and returns its id.
func Insert(ctx context.Context, tx *Tx, query string, args ...any) (int64, error) {
	result, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}
