package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"

	"github.com/jmoiron/sqlx"
	"golang.org/x/sys/unix"
	"modernc.org/sqlite" // registers the driver too
	sqlite3 "modernc.org/sqlite/lib"
)

var sqliteDialect = &dialect{
	// A transaction that begins by reading could fail when it comes to write.
	begin:        "BEGIN IMMEDIATE",
	insertIgnore: "INSERT OR IGNORE INTO",
	part:         "SELECT * FROM (%s)",
	identity:     "'sqlite'",
	own:          "'sqlite'",
	refusal:      "''",
	now:          "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
	classify:     classifySQLite,
	goose:        "sqlite3",
	folder:       "migrations/sqlite",
}

// sqliteReaders is the most reads at the same time. They do not wait for the
// writer, nor it for them (WAL).
const sqliteReaders = 4

// OpenSQLite returns a log in a file, which is made if it is not there, and
// brings its schema up to date. A second process (or a second OpenSQLite) on the
// same file is refused: the file path+".lock" stays locked until Close. A file
// of a newer program is refused with ErrSchema.
func OpenSQLite(ctx context.Context, path string) (*DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, err
	}
	if err := ownFile(path); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	primary, err := openSQLiteServer(path, 1)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	reader, err := openSQLiteServer(path, sqliteReaders)
	if err != nil {
		return nil, errors.Join(err, primary.Close(), lock.Close())
	}
	d := &DB{
		dialect: sqliteDialect, log: slog.Default(), primary: primary, reader: reader,
		replicas: new(replicas), closers: []func() error{lock.Close},
		migrator: func(context.Context) (*sql.DB, func() error, error) { // the file is locked already
			return primary.DB.DB, func() error { return nil }, nil
		},
	}
	if err := d.Migrate(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func openSQLiteServer(path string, size int) (*server, error) {
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{
		"_pragma": {"busy_timeout(3000)", "journal_mode(WAL)", "synchronous(FULL)"},
		"_txlock": {"immediate"},
	}.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return &server{DB: sqlx.NewDb(db, "sqlite"), name: filepath.Base(path)}, nil
}

// ownFile makes the file, if it is missing, so that nobody else can read it:
// SQLite itself would let everybody.
func ownFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator names the file
	if err != nil {
		return err
	}
	return f.Close()
}

// lockFile takes the lock that keeps a second process away. SQLite's own locks
// would let one in: it may write whenever we do not, and it would publish on a
// bus of its own.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = errors.New("another process has this log open")
		}
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return f, nil
}

func classifySQLite(err error) fault {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return faultAway
	}
	switch e.Code() & 0xff { // the rest tells more than is needed
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return faultLock
	case sqlite3.SQLITE_READONLY:
		return faultReadOnly
	case sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE:
		return faultInput
	case sqlite3.SQLITE_ERROR:
		return faultSchema // an unknown table or column: all else in our SQL is constant
	}
	return faultAway
}
