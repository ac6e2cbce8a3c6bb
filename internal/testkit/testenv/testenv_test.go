package testenv_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const (
	waitFor = 10 * time.Second
	tick    = 10 * time.Millisecond
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestRedisIsEmptyAfterAKillAndKeepsItsPort(t *testing.T) {
	t.Parallel()
	s := testenv.Redis(t)
	ctx := t.Context()
	require.NoError(t, s.Client().Set(ctx, "k", "v", 0).Err())
	s.Kill()
	require.Error(t, s.Client().Ping(ctx).Err())
	s.Start()
	require.ErrorIs(t, s.Client().Get(ctx, "k").Err(), redis.Nil)
}

func TestAFrozenRedisAnswersAfterTheThaw(t *testing.T) {
	t.Parallel()
	s := testenv.Redis(t)
	s.Freeze()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.Error(t, s.Client().Ping(ctx).Err())
	s.Thaw()
	require.NoError(t, s.Client().Ping(t.Context()).Err())
}

func TestReplicaFollowsAndIsReadOnly(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			cluster := testenv.MySQL(t, engine)
			name := cluster.NewDatabase(t)
			primary, replica := open(t, cluster.Primary.DSN(name)), open(t, cluster.Replica.DSN(name))

			exec(t, primary, "CREATE TABLE a (n INT PRIMARY KEY) ENGINE=InnoDB")
			exec(t, primary, "INSERT INTO a VALUES (7)")
			cluster.WaitCaughtUp(t)
			require.Equal(t, 7, number(t, replica, "SELECT n FROM a"))
			_, err := replica.ExecContext(t.Context(), "INSERT INTO a VALUES (8)")
			require.Error(t, err, "a replica that takes writes")
		})
	}
}

func TestClusterSurvivesWhatIsDoneToIt(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			cluster := testenv.PrivateMySQL(t, engine, testenv.ServerOption("--max-connections=50"))
			name := cluster.NewDatabase(t)
			primary, replica := open(t, cluster.Primary.DSN(name)), open(t, cluster.Replica.DSN(name))
			require.Equal(t, 50, number(t, primary, "SELECT @@max_connections"))
			exec(t, primary, "CREATE TABLE a (n INT PRIMARY KEY) ENGINE=InnoDB")
			exec(t, primary, "INSERT INTO a VALUES (1)")
			cluster.WaitCaughtUp(t)

			cluster.StopApplier(t)
			exec(t, primary, "INSERT INTO a VALUES (2)")
			require.Equal(t, 1, number(t, replica, "SELECT MAX(n) FROM a"))
			cluster.StartApplier(t)
			cluster.WaitCaughtUp(t)
			require.Equal(t, 2, number(t, replica, "SELECT MAX(n) FROM a"))

			cluster.Primary.Kill(t)
			require.Error(t, primary.PingContext(t.Context()))
			cluster.Primary.Start(t)
			require.Equal(t, 2, number(t, primary, "SELECT MAX(n) FROM a"), "a commit is lost")
			exec(t, primary, "INSERT INTO a VALUES (3)")
			cluster.WaitCaughtUp(t)

			cluster.Promote(t)
			cluster.Primary.Demote(t)
			exec(t, replica, "INSERT INTO a VALUES (4)")
			_, err := primary.ExecContext(t.Context(), "INSERT INTO a VALUES (5)")
			require.Error(t, err, "a demoted primary that takes writes")
		})
	}
}

func TestDurableClusterForcesEveryCommit(t *testing.T) {
	t.Parallel()
	log := map[string]string{"mariadb": "@@innodb_log_file_size", "mysql": "@@innodb_redo_log_capacity"}
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			cluster := testenv.PrivateMySQL(t, engine, testenv.Durable())
			require.Equal(t, 1, number(t, cluster.Primary.Admin(), "SELECT @@innodb_flush_log_at_trx_commit * @@sync_binlog"))
			require.Equal(t, 512<<20, number(t, cluster.Primary.Admin(), "SELECT @@innodb_buffer_pool_size"))
			require.Equal(t, 256<<20, number(t, cluster.Primary.Admin(), "SELECT "+log[engine.Name]))
		})
	}
}

func TestProxyStallsHoldsCutsAndRefuses(t *testing.T) {
	t.Parallel()
	p := testenv.Proxy(t, echo(t))
	c := dial(t, p.Addr)
	say(t, c, "one")
	require.Equal(t, "one", hear(t, c, 3))

	p.Stall()
	say(t, c, "two")
	require.NoError(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err := c.Read(make([]byte, 1))
	var timeout net.Error
	require.ErrorAs(t, err, &timeout)
	require.True(t, timeout.Timeout())
	p.Resume()
	require.Equal(t, "two", hear(t, c, 3))

	p.Intercept(func(d testenv.Direction, b []byte) testenv.Action {
		if d == testenv.ToClient && string(b) == "cut" {
			return testenv.Cut
		}
		return testenv.Pass
	})
	say(t, c, "cut")
	requireClosed(t, c)
	p.Intercept(nil)

	c = dial(t, p.Addr)
	say(t, c, "three")
	require.Equal(t, "three", hear(t, c, 5))
	require.Eventually(t, func() bool { return p.Connections() == 1 }, waitFor, tick, "the connection that was cut is counted")
	p.Cut()
	requireClosed(t, c)

	p.Refuse()
	_, err = net.Dial("tcp", p.Addr)
	require.Error(t, err)
	p.Resume()
	c = dial(t, p.Addr)
	say(t, c, "four")
	require.Equal(t, "four", hear(t, c, 4))
}

// echo starts a server that says what it hears.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func say(t *testing.T, c net.Conn, s string) {
	t.Helper()
	_, err := io.WriteString(c, s)
	require.NoError(t, err)
}

func hear(t *testing.T, c net.Conn, n int) string {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
	b := make([]byte, n)
	_, err := io.ReadFull(c, b)
	require.NoError(t, err)
	return string(b)
}

func requireClosed(t *testing.T, c net.Conn) {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err := c.Read(make([]byte, 1))
	require.Error(t, err)
	var timeout net.Error
	require.False(t, errors.As(err, &timeout) && timeout.Timeout(), "still open")
}

func open(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func exec(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), statement)
	require.NoError(t, err, statement)
}

func number(t *testing.T, db *sql.DB, query string) int {
	t.Helper()
	var n int
	require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&n), query)
	return n
}
