package testenv

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"
)

// The account that DSN names. It may do everything in the schemas of NewDatabase
// and nothing else, so that read_only holds for it as for any application.
const (
	appUser         = "bellhop"
	appPassword     = "bellhop-secret"
	replicaUser     = "replica"
	replicaPassword = "replica-secret"
)

// SQLServer is one server of a Cluster. It keeps its data when it is killed and
// started again: what was committed is there.
type SQLServer struct {
	// Addr is host:port; it stays the same when the server is started again.
	Addr string

	*process
	port  *port
	data  string
	admin *sql.DB
}

// DSN is what the code under test connects with: go-sql-driver's data source name
// for an account without administrative rights. An empty database names none.
func (s *SQLServer) DSN(database string) string { return s.DSNVia(s.Addr, database) }

// DSNVia is DSN with another address, such as that of a proxy.
func (s *SQLServer) DSNVia(addr, database string) string {
	return fmt.Sprintf("%s:%s@tcp(%s)/%s", appUser, appPassword, addr, database)
}

// Admin is a pool for what a test does to the server behind the back of the code
// under test. It logs in as root over the unix socket, and is not bound by read_only.
func (s *SQLServer) Admin() *sql.DB { return s.admin }

// Socket is where root logs in without a password.
func (s *SQLServer) Socket() string { return filepath.Join(s.data, "s.sock") }

// Start starts the server again after Kill and waits until it answers. A replica
// replicates again and is read-only again.
func (s *SQLServer) Start(tb testing.TB) {
	tb.Helper()
	require.NoError(tb, s.start())
}

// Restart ends the server in good order and starts it with further options.
func (s *SQLServer) Restart(tb testing.TB, options ...string) {
	tb.Helper()
	require.NoError(tb, s.stop(startTimeout))
	s.args = append(s.args, options...)
	require.NoError(tb, s.start())
}

// Exec runs one statement as root.
func (s *SQLServer) Exec(tb testing.TB, statement string, args ...any) {
	tb.Helper()
	_, err := s.admin.ExecContext(tb.Context(), statement, args...)
	require.NoError(tb, err, statement)
}

// newSQLServer makes a server from a copy of an initialised data directory and
// starts it. Nothing is left behind if it fails.
func newSQLServer(e Engine, template string, id uint32, o options) (_ *SQLServer, err error) {
	path, err := e.server()
	if err != nil {
		return nil, err
	}
	dir, err := scratch(o.durable)
	if err != nil {
		return nil, err
	}
	s := &SQLServer{data: filepath.Join(dir, "d")}
	defer func() {
		if err != nil {
			s.remove()
		}
	}()
	if err := os.CopyFS(s.data, os.DirFS(template)); err != nil {
		return nil, err
	}
	if o.unprivileged && os.Geteuid() == 0 {
		if err := giveToNobody(dir); err != nil {
			return nil, err
		}
	}
	if s.port, err = reservePort(); err != nil {
		return nil, err
	}
	s.Addr = s.port.addr()
	s.process = &process{
		path: path, args: e.arguments(s.data, s.port.number, id, o), log: filepath.Join(dir, "log"),
		env: []string{ownTemp(dir)},
	}
	s.admin, err = adminPool(s.Socket())
	if err != nil {
		return nil, err
	}
	return s, s.start()
}

// adminPool opens a pool that drops the connections of a killed server quickly
// and without a word in the log.
func adminPool(socket string) (*sql.DB, error) {
	cfg := driver.NewConfig()
	cfg.User, cfg.Net, cfg.Addr = "root", "unix", socket
	cfg.Logger = &driver.NopLogger{}
	connector, err := driver.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxIdleConns(2)
	return db, nil
}

func (s *SQLServer) start() error {
	return s.process.start(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return s.admin.PingContext(ctx)
	})
}

// remove ends the server and removes its data.
func (s *SQLServer) remove() {
	if s.admin != nil {
		_ = s.admin.Close()
	}
	if s.process != nil {
		_ = s.kill() // the directory goes in any case
	}
	if s.port != nil {
		s.port.release()
	}
	_ = os.RemoveAll(filepath.Dir(s.data))
}

// createAccounts makes the accounts of the tests, outside the binary log: each
// server makes its own.
func (s *SQLServer) createAccounts(ctx context.Context) error {
	return s.outsideLog(ctx,
		fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY '%s'", appUser, appPassword),
		fmt.Sprintf("GRANT ALL ON `%s%%`.* TO '%s'@'%%'", databasePrefix, appUser),
		fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY '%s'", replicaUser, replicaPassword),
		fmt.Sprintf("GRANT REPLICATION SLAVE ON *.* TO '%s'@'%%'", replicaUser))
}

// outsideLog runs statements that no other server is to repeat.
func (s *SQLServer) outsideLog(ctx context.Context, statements ...string) error {
	conn, err := s.admin.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, statement := range slices.Concat([]string{"SET SESSION sql_log_bin = 0"}, statements, []string{"SET SESSION sql_log_bin = 1"}) {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}
