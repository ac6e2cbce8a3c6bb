package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// connector opens connections to one MySQL server and can disown those that
// were opened before a moment. database/sql has no call for that: closing and
// reopening the pool would fail the calls that are under way.
type connector struct {
	to         atomic.Pointer[target]
	identity   string // as MySQLConfig has it
	writes     bool   // it is the primary's: unfit servers are refused
	warn       func(string)
	generation atomic.Uint64
}

// target is a server to connect to, as somebody.
type target struct {
	driver.Connector

	cfg *mysql.Config
}

func newTarget(cfg *mysql.Config) (*target, error) {
	c, err := mysql.NewConnector(cfg)
	return &target{c, cfg}, err
}

// Driver implements driver.Connector.
func (*connector) Driver() driver.Driver { return mysql.MySQLDriver{} }

// aim has connections that are opened from now on lead there.
func (c *connector) aim(to *target) {
	c.to.Store(to)
	c.drop()
}

// drop has every connection that began to be opened before now closed instead
// of used again. Those that are in use end after that use.
func (c *connector) drop() { c.generation.Add(1) }

// Connect implements driver.Connector. It looks what the server is each time, because
// a connection may lead to another one than the one before.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	generation := c.generation.Load() // before the first packet
	conn, err := c.to.Load().Connect(ctx)
	if err != nil {
		return nil, err
	}
	inner, ok := conn.(mysqlConn)
	if !ok {
		return nil, errors.Join(errors.New("the MySQL driver lacks an interface of database/sql/driver"), conn.Close())
	}
	// No variable by a name that both engines know sets the isolation level,
	// so it can't be one of the DSN's.
	if _, err := inner.ExecContext(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", nil); err != nil {
		return nil, errors.Join(fmt.Errorf("set the isolation level: %w", err), conn.Close())
	}
	kind, err := c.inspect(ctx, inner)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &session{mysqlConn: inner, of: c, generation: generation, kind: kind}, nil
}

// inspect refuses a primary that the log can't be on, and drops the other connections
// to it.
func (c *connector) inspect(ctx context.Context, conn mysqlConn) (*serverKind, error) {
	kind, err := inspect(ctx, conn, c.identity, c.writes)
	if err == nil && kind.node != "" && c.writes {
		// A node may have to apply yet what another one acknowledged.
		if _, failed := conn.ExecContext(ctx, "SET SESSION wsrep_sync_wait = 1, wsrep_dirty_reads = OFF", nil); failed != nil {
			err = fmt.Errorf("have reads wait for the cluster: %w", failed)
		}
	}
	if err != nil {
		c.drop()
		return nil, err
	}
	if c.writes && kind.warning != "" {
		c.warn(kind.warning)
	}
	return kind, nil
}

// mysqlConn is what a connection of go-sql-driver can do. All of it must shine
// through the wrapper, or database/sql would fall back to slower ways.
type mysqlConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

// session is a connection that knows whether it was disowned.
type session struct {
	mysqlConn
	of         *connector
	generation uint64
	kind       *serverKind
}

// QueryContext implements driver.QueryerContext, with what is right for the server.
func (s *session) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return s.mysqlConn.QueryContext(ctx, s.kind.marks.Replace(query), args)
}

// PrepareContext implements driver.ConnPrepareContext: where values can't be written
// into the text, a statement is prepared.
func (s *session) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return s.mysqlConn.PrepareContext(ctx, s.kind.marks.Replace(query))
}

// ResetSession is called when the connection is taken out of the pool.
func (s *session) ResetSession(ctx context.Context) error {
	if !s.current() {
		return driver.ErrBadConn
	}
	return s.mysqlConn.ResetSession(ctx)
}

// IsValid is called when the connection is put back.
func (s *session) IsValid() bool { return s.current() && s.mysqlConn.IsValid() }

// nodeOf tells which node of Galera a connection leads to; empty: none.
func nodeOf(conn *sqlx.Conn) (node string) {
	_ = conn.Raw(func(c any) error {
		if s, ok := c.(*session); ok {
			node = s.kind.node
		}
		return nil
	})
	return node
}

func (s *session) current() bool { return s.generation == s.of.generation.Load() }

var (
	_ driver.Connector = (*connector)(nil)
	_ mysqlConn        = (*session)(nil)
)
