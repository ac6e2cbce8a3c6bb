package store

import (
	"cmp"
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"github.com/bellhop/bellhop/internal/mysqldsn"
)

// MySQLConfig says where the log is.
type MySQLConfig struct {
	// Primary is the DSN of the server that takes writes, as go-sql-driver
	// reads it. What this package relies on of its parameters it sets itself.
	Primary string
	// Replicas are DSNs of servers to read from first. May be empty.
	Replicas []string
	// TLS, where it is set, is used for all servers, whatever their DSN says of
	// it; each has to prove the name that it is dialled by. Nil: the DSN decides.
	TLS *tls.Config
	// Identity says what makes two servers one log, so that a fail-over between them
	// begins no epoch: IdentityAuto (the default) finds clusters that keep what they
	// acknowledged, IdentityCluster with a name says it, IdentityServer forbids it.
	Identity string
	// PoolSize is the most connections to each server. Default: 4.
	PoolSize int
	// Log gets what operators should know. Default: slog.Default().
	Log *slog.Logger
}

// Times of a connection. The idle ones are closed by us before the server does.
const (
	connMaxLifetime = 60 * time.Second
	connMaxIdleTime = 10 * time.Second
)

// OpenMySQL returns a log on MySQL or MariaDB. It connects when it is first
// asked, so it fails for a wrong configuration only, not for a server that is
// away. ctx is not kept.
func OpenMySQL(ctx context.Context, cfg MySQLConfig) (*DB, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	logger := cmp.Or(cfg.Log, slog.Default())
	size := cmp.Or(cfg.PoolSize, 4)
	if size < 1 {
		return nil, fmt.Errorf("pool size %d: want at least 1", size)
	}
	targets, err := cfg.targets(logger)
	if err != nil {
		return nil, err
	}
	var said sync.Map
	warn := func(text string) {
		if _, twice := said.LoadOrStore(text, true); !twice {
			logger.Warn("the primary's cluster", "warning", text)
		}
	}
	connect := func(to *target, writes bool) *connector {
		c := &connector{identity: cmp.Or(cfg.Identity, IdentityAuto), writes: writes, warn: warn}
		c.aim(to)
		return c
	}
	primary := openMySQLServer(connect(targets[0], true), size)
	d := &DB{
		dialect: mysqlDialect, log: logger, primary: primary, reader: primary, replicas: new(replicas),
		migrator: func(ctx context.Context) (*sql.DB, func() error, error) {
			params := primary.conn.to.Load().cfg.Clone()
			params.ReadTimeout = 0
			params.Params["wait_timeout"] = "3600" // the one that holds the lock idles
			patient, err := newTarget(params)
			if err != nil {
				return nil, nil, err
			}
			return mysqlMigrator(ctx, connect(patient, true))
		},
	}
	for _, to := range targets[1:] {
		r := &replica{server: openMySQLServer(connect(to, false), size)}
		r.lag.Store(unknownLag)
		d.replicas.all = append(d.replicas.all, r)
	}
	return d, nil
}

// targets are the servers, the primary first.
func (c *MySQLConfig) targets(logger *slog.Logger) ([]*target, error) {
	targets := make([]*target, 1+len(c.Replicas))
	for i, dsn := range append([]string{c.Primary}, c.Replicas...) {
		params, err := mysqlConfig(dsn, c.TLS, logger)
		if err == nil {
			targets[i], err = newTarget(params)
		}
		switch {
		case err != nil && i == 0:
			return nil, fmt.Errorf("primary: %w", err)
		case err != nil:
			return nil, fmt.Errorf("replica %d: %w", i, err)
		}
	}
	return targets, nil
}

// Renew takes the servers' DSNs anew: other credentials, or another address. What is
// asked from now on is asked there; calls under way end where they are. Where there
// is another primary it is found out as after a fail-over. There must be as many
// replicas as before; with this and any other error all stays as it was. Do not call
// it for SQLite, nor for two goroutines at a time.
func (d *DB) Renew(cfg MySQLConfig) error {
	if got, want := len(cfg.Replicas), len(d.replicas.all); got != want {
		return fmt.Errorf("%d replicas, not %d: their number can't change while programs run", got, want)
	}
	targets, err := cfg.targets(d.log)
	if err != nil {
		return err
	}
	d.primary.aim(targets[0])
	for i, r := range d.replicas.all {
		r.aim(targets[i+1])
	}
	return nil
}

// aim has what is asked from now on be asked there.
func (s *server) aim(to *target) {
	s.conn.aim(to)
	s.rivals.forget()
}

func openMySQLServer(c *connector, size int) *server {
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	db.SetConnMaxLifetime(connMaxLifetime)
	db.SetConnMaxIdleTime(connMaxIdleTime)
	return &server{DB: sqlx.NewDb(db, "mysql"), name: c.to.Load().cfg.Addr, conn: c}
}

// mysqlConfig reads a DSN and sets what this package relies on.
func mysqlConfig(dsn string, trust *tls.Config, logger *slog.Logger) (*mysql.Config, error) {
	cfg, err := mysqldsn.Parse(dsn, trust, logger)
	if err != nil {
		return nil, err
	}
	// It would turn the refusal of a read-only server into a connection that
	// failed for no known reason. We drop the pool by ourselves.
	cfg.RejectReadOnly = false
	// An append takes two round trips so, else seven or more. All SQL of this
	// package is constant, values are arguments: nobody can add a statement.
	cfg.MultiStatements = true
	cfg.CheckConnLiveness = true
	// A client that vanished holds its locks for so long at most.
	maps.Copy(cfg.Params, map[string]string{"wait_timeout": "15", "net_read_timeout": "10", "net_write_timeout": "10"})
	return cfg, nil
}

// mysqlMigrator opens a pool in which a statement may take long, and takes a
// lock on its server in the name of the database. Closing the pool frees it.
func mysqlMigrator(ctx context.Context, c *connector) (_ *sql.DB, unlock func() error, err error) {
	db := sql.OpenDB(c)
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, nil, err
	}
	unlock = func() error { return errors.Join(conn.Close(), db.Close()) }
	for {
		// The name of a lock has 64 characters at most.
		var got sql.NullBool
		if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK(CONCAT('bellhop.', SHA2(DATABASE(), 224)), 5)").Scan(&got); err != nil {
			return nil, nil, errors.Join(err, conn.Close())
		}
		if got.Bool {
			return db, unlock, nil
		}
	}
}
