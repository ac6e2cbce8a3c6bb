package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/go-sql-driver/mysql"
)

// connector opens connections to one MySQL server and can disown those that
// were opened before a moment. database/sql has no call for that: closing and
// reopening the pool would fail the calls that are under way.
type connector struct {
	target     atomic.Pointer[mysql.Config]
	oneNode    bool // it need not be looked for Galera
	generation atomic.Uint64
}

// Driver implements driver.Connector.
func (*connector) Driver() driver.Driver { return mysql.MySQLDriver{} }

// aim has connections that are opened from now on lead there.
func (c *connector) aim(cfg *mysql.Config) {
	c.target.Store(cfg)
	c.drop()
}

// drop has every connection that began to be opened before now closed instead
// of used again. Those that are in use end after that use.
func (c *connector) drop() { c.generation.Add(1) }

// Connect implements driver.Connector.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	generation := c.generation.Load() // before the first packet
	target, err := mysql.NewConnector(c.target.Load())
	if err != nil {
		return nil, err
	}
	conn, err := target.Connect(ctx)
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
	if err := c.check(ctx, inner); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &session{mysqlConn: inner, of: c, generation: generation}, nil
}

// check refuses a node of a Galera cluster. It looks at every connection, because any
// may lead to another server than the one before, and drops the others then.
func (c *connector) check(ctx context.Context, conn driver.QueryerContext) error {
	if c.oneNode {
		return nil
	}
	// Not by @@wsrep_on, which is an error on servers that know no such thing.
	rows, err := conn.QueryContext(ctx, "SHOW GLOBAL VARIABLES WHERE Variable_name = 'wsrep_on' AND Value = 'ON'", nil)
	if err != nil {
		return fmt.Errorf("look for Galera: %w", err)
	}
	defer rows.Close()
	switch err := rows.Next(make([]driver.Value, len(rows.Columns()))); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return fmt.Errorf("look for Galera: %w", err)
	}
	c.drop()
	return fmt.Errorf("%w: %w", ErrUnavailable, ErrGalera)
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

func (s *session) current() bool { return s.generation == s.of.generation.Load() }

var (
	_ driver.Connector = (*connector)(nil)
	_ mysqlConn        = (*session)(nil)
)
