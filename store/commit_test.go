package store

import (
	"bytes"
	"database/sql"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const commitTestChannel event.Channel = "user:a"

func commitTestEntry(typ string) Entry {
	return Entry{Channels: []event.Channel{commitTestChannel}, Type: typ, Data: []byte("1")}
}

// openProxied is openEngine with a proxy between the log and its server, one
// connection, and an event in the log.
func openProxied(t *testing.T, engine testenv.Engine) (*DB, *sql.DB, *testenv.TCPProxy) {
	t.Helper()
	direct, raw := openEngine(t, engine, 1)
	_, _, err := direct.Append(t.Context(), []Entry{commitTestEntry("first")})
	require.NoError(t, err)
	var name string
	require.NoError(t, raw.QueryRowContext(t.Context(), "SELECT DATABASE()").Scan(&name))
	primary := testenv.MySQL(t, engine).Primary
	proxy := testenv.Proxy(t, primary.Addr)
	d, err := OpenMySQL(t.Context(), MySQLConfig{Primary: primary.DSNVia(proxy.Addr, name), PoolSize: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d, raw, proxy
}

// stored returns the types of the events of the channel, by seq.
func stored(t *testing.T, raw *sql.DB) string {
	t.Helper()
	var types sql.NullString
	require.NoError(t, raw.QueryRowContext(t.Context(), "SELECT GROUP_CONCAT(type ORDER BY seq) FROM events").Scan(&types))
	return types.String
}

// The connection breaks while the server is busy with the statements that came
// with COMMIT: there is no commit row yet, but there will be one.
func TestCommitIsNotDecidedBeforeItsStatementsRan(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			d, raw, proxy := openProxied(t, engine)
			inTheWay, err := raw.Conn(t.Context())
			require.NoError(t, err)
			defer inTheWay.Close()
			hash := hashOf(commitTestChannel)
			_, err = inTheWay.ExecContext(t.Context(), "START TRANSACTION")
			require.NoError(t, err)
			_, err = inTheWay.ExecContext(t.Context(),
				"INSERT INTO events (channel, seq, type, flags, created_at, expires_at, collapse_key, data) VALUES (?, 2, 'other', 0, 0, 0, '', '')", hash[:])
			require.NoError(t, err)

			var committing, asking atomic.Bool
			proxy.Intercept(func(to testenv.Direction, b []byte) testenv.Action {
				if to == testenv.ToServer && committing.Load() && bytes.Contains(b, []byte("FOR UPDATE")) {
					asking.Store(true)
				}
				if to == testenv.ToServer && bytes.HasSuffix(b, []byte("COMMIT")) {
					committing.Store(true)
				}
				return testenv.Pass
			})
			appended := make(chan error, 1)
			go func() {
				_, _, err := d.Append(t.Context(), []Entry{commitTestEntry("second")})
				appended <- err
			}()
			require.Eventually(t, func() bool {
				// Of the whole server: MySQL shows neither a session nor a lock
				// whose statement has bytes that are no text.
				var name string
				var waiting int
				require.NoError(t, raw.QueryRowContext(t.Context(), "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'").Scan(&name, &waiting))
				return committing.Load() && waiting > 0
			}, 10*time.Second, 10*time.Millisecond)
			proxy.Refuse()
			proxy.Resume()
			require.Eventually(t, asking.Load, 10*time.Second, 10*time.Millisecond)
			require.Empty(t, appended, "nobody knows yet")
			_, err = inTheWay.ExecContext(t.Context(), "ROLLBACK")
			require.NoError(t, err)
			require.NoError(t, <-appended)
			require.Equal(t, "first,second", stored(t, raw), "once, and only once")
		})
	}
}

// A statement that fails takes COMMIT along, whatever its error is.
func TestStatementsThatFailAreNotCommitted(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			d, raw := openEngine(t, engine, 1)
			_, _, err := d.Append(t.Context(), []Entry{commitTestEntry("first")})
			require.NoError(t, err)
			before := connectionID(t, d)
			_, _, err = d.Append(t.Context(), []Entry{commitTestEntry("good"), commitTestEntry(strings.Repeat("x", 65))})
			require.ErrorIs(t, err, ErrNotWritten)
			require.NotErrorIs(t, err, ErrUnavailable, "the values are at fault")
			require.Equal(t, before, connectionID(t, d), "the connection is not")

			// An error that says nothing: the commit row has to tell.
			var name string
			require.NoError(t, raw.QueryRowContext(t.Context(), "SELECT DATABASE()").Scan(&name))
			testenv.MySQL(t, engine).Primary.Exec(t, "CREATE TRIGGER "+name+".fails BEFORE INSERT ON "+name+
				".commits FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the disk is full'")
			_, _, err = d.Append(t.Context(), []Entry{commitTestEntry("lost")})
			require.ErrorIs(t, err, ErrNotWritten)
			require.ErrorIs(t, err, ErrUnavailable)
			require.ErrorContains(t, err, "the disk is full")
			testenv.MySQL(t, engine).Primary.Exec(t, "DROP TRIGGER "+name+".fails")

			_, results, err := d.Append(t.Context(), []Entry{commitTestEntry("second")})
			require.NoError(t, err)
			require.Equal(t, []uint64{2}, results[0].Seqs)
			require.Equal(t, "first,second", stored(t, raw))
		})
	}
}

// Round trips are much of what a small transaction costs.
func TestWritesTakeFewRoundTrips(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			d, _, proxy := openProxied(t, engine)
			var trips atomic.Int64
			asked := false // Intercept calls one at a time
			proxy.Intercept(func(to testenv.Direction, _ []byte) testenv.Action {
				if to == testenv.ToServer && !asked {
					trips.Add(1)
				}
				asked = to == testenv.ToServer
				return testenv.Pass
			})
			keyed := commitTestEntry("keyed")
			keyed.Key = &Key{Service: "shop", Value: "1"}
			escalated := commitTestEntry("escalated")
			escalated.Escalate = []Escalation{{Target: "main", After: time.Hour}}
			appends := func(e Entry) func() error {
				return func() error {
					_, _, err := d.Append(t.Context(), []Entry{e})
					return err
				}
			}
			require.NoError(t, appends(commitTestEntry("connects"))())
			for _, test := range []struct {
				name string
				call func() error
				want int64
			}{
				{"an append", appends(commitTestEntry("plain")), 2},
				{"with an escalation", appends(escalated), 2},
				{"with an idempotency key", appends(keyed), 4},
				{"replayed", appends(keyed), 5},
				{"all read", func() error { _, err := d.MarkRead(t.Context(), commitTestChannel, 4); return err }, 3},
			} {
				trips.Store(0)
				require.NoError(t, test.call())
				require.Equal(t, test.want, trips.Load(), test.name)
			}
		})
	}
}

// What is in doubt is looked up on the row that the transaction had locked, or
// not at all.
func TestCommitStaysUndecidedWhileItsGuardIsHeld(t *testing.T) {
	t.Parallel()
	d, raw := openEngine(t, testenv.MariaDB(), 2)
	_, _, err := d.Append(t.Context(), []Entry{commitTestEntry("first")})
	require.NoError(t, err)
	held, err := raw.Conn(t.Context())
	require.NoError(t, err)
	defer held.Close()
	_, err = held.ExecContext(t.Context(), "START TRANSACTION")
	require.NoError(t, err)
	_, err = held.ExecContext(t.Context(), "SELECT head FROM channels FOR UPDATE")
	require.NoError(t, err)

	old := &tx{ctx: t.Context(), dialect: d.dialect, guard: &keyed{hashOf(commitTestChannel), commitTestChannel}}
	old.meta, err = d.readMeta(t.Context(), d.primary)
	require.NoError(t, err)
	require.ErrorIs(t, d.decide(old, errors.New("lost")), errAmbiguous)
	_, err = held.ExecContext(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	require.ErrorIs(t, d.decide(old, errors.New("lost")), errAgain)
}
