package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
)

// Times that others rely on.
const (
	// MaxTransaction is longer than any transaction that changes channels can live,
	// even with a vanished client and a slow COMMIT: 5 s of its own, 15 s until the
	// server ends a silent session, and what a commit may wait for (10 s at most by
	// default for the acknowledgement of a semi-synchronous replica). A commit row may
	// become visible so much later than rows with higher ids.
	MaxTransaction = 30 * time.Second
	// CommitLife is how long rows of the tail live.
	CommitLife = 60 * time.Second
	// KeyLife is how long an idempotency key is remembered.
	KeyLife = 24 * time.Hour
)

const (
	txTimeout    = 5 * time.Second  // one transaction, COMMIT included
	writeBudget  = 10 * time.Second // one write with all its repetitions
	writeTries   = 5
	readTimeout  = 3 * time.Second // one question, whoever is asked
	closeTimeout = time.Second     // ending a transaction that failed
)

// DB is the log on a database: MySQL, MariaDB or SQLite. It is safe for
// concurrent use. Whatever the context says, no question of a call waits longer
// than some seconds for its answer, and no write, with all its repetitions,
// longer than about twenty.
type DB struct {
	dialect  *dialect
	log      *slog.Logger
	primary  *server // takes the writes, and the reads that must be current
	reader   *server // where the primary is read: itself, or SQLite's readers
	replicas *replicas
	// migrator takes the lock under which the schema changes, and returns the
	// pool to change it with.
	migrator func(context.Context) (db *sql.DB, unlock func() error, err error)
	closers  []func() error

	closeOnce sync.Once
	closeErr  error
}

// Close ends all connections. Calls under way fail. It may be called twice.
func (d *DB) Close() error {
	d.closeOnce.Do(func() { d.closeErr = d.close() })
	return d.closeErr
}

func (d *DB) close() error {
	errs := []error{d.primary.Close(), d.reader.Close()} // they may be one
	for _, r := range d.replicas.all {
		errs = append(errs, r.Close())
	}
	for _, c := range d.closers {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// Ready returns nil if the log can take an append now: the primary answers, is
// the primary, and has the schema of this program.
func (d *DB) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if err := d.checkSchema(ctx, d.primary); err != nil {
		return err
	}
	_, err := d.judgeMeta(ctx)
	return err
}

// Readable returns nil if the log can be read now, from the primary or, while
// that one is away, from a replica. Its error wraps ErrSchema if the schema is
// not this program's.
func (d *DB) Readable(ctx context.Context) error { return d.CheckSchema(ctx) }

// server is a pool of connections to one database server.
type server struct {
	*sqlx.DB
	name   string     // for logs: never a DSN, which has a password
	conn   *connector // nil for SQLite
	rivals rivals     // who answers under its address

	counts
}

// drop makes the pool forget its connections: what is asked from now on is asked on a
// connection that was opened from now on.
func (s *server) drop() {
	if s.conn != nil {
		s.conn.drop()
	}
}

// read runs a SELECT into a slice of rows.
func (d *DB) read(ctx context.Context, s *server, what string, rows any, query string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if err := s.SelectContext(ctx, rows, query, args...); err != nil {
		return d.dialect.failed(what, err)
	}
	return nil
}

// judge tells whether a server that answered is the primary. If not, the pool
// is dropped: its address may lead to another server by now.
func (s *server) judge(m meta) error {
	err := m.check()
	if err == nil {
		err = s.rivals.take(m.Server, time.Now())
	}
	if err != nil {
		s.drop()
	}
	return err
}

// unavailable wraps an error of a question that was not answered.
func unavailable(what string, err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%s: %w: %w", what, ErrUnavailable, err)
}
