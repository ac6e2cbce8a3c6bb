package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// openEngine opens a migrated log on the shared servers of an engine, with a
// pool beside it.
func openEngine(t *testing.T, engine testenv.Engine, size int) (*DB, *sql.DB) {
	t.Helper()
	cluster := testenv.MySQL(t, engine)
	dsn := cluster.Primary.DSN(cluster.NewDatabase(t))
	d, err := OpenMySQL(t.Context(), MySQLConfig{Primary: dsn, PoolSize: size})
	require.NoError(t, err)
	raw, err := sql.Open("mysql", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, errors.Join(raw.Close(), d.Close())) })
	require.NoError(t, d.Migrate(t.Context()))
	return d, raw
}

func connectionID(t *testing.T, d *DB) (id int) {
	t.Helper()
	require.NoError(t, d.primary.GetContext(t.Context(), &id, "SELECT CONNECTION_ID()"))
	return id
}

func TestFreshHeadsComeFromANewConnection(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			d, _ := openEngine(t, engine, 1)
			first := connectionID(t, d)
			_, err := d.Heads(t.Context(), nil, false)
			require.NoError(t, err)
			require.Equal(t, first, connectionID(t, d), "connections are used again")
			_, err = d.Heads(t.Context(), nil, true)
			require.NoError(t, err)
			require.NotEqual(t, first, connectionID(t, d))

			// A connection in use when the pool is dropped is not used again after it.
			conn, err := d.primary.Connx(t.Context())
			require.NoError(t, err)
			var held int
			require.NoError(t, conn.GetContext(t.Context(), &held, "SELECT CONNECTION_ID()"))
			d.primary.drop()
			require.NoError(t, conn.GetContext(t.Context(), &held, "SELECT CONNECTION_ID()"), "what is under way goes on")
			require.NoError(t, conn.Close())
			require.NotEqual(t, held, connectionID(t, d))
		})
	}
}

func TestSessionsAreSetUp(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			d, _ := openEngine(t, engine, 2)
			var wait, lock int
			var zone, mode, isolation string
			require.NoError(t, d.primary.QueryRowContext(t.Context(),
				"SELECT @@wait_timeout, @@innodb_lock_wait_timeout, @@time_zone, @@sql_mode, /*!80000 @@transaction_isolation */ /*M! @@tx_isolation */").
				Scan(&wait, &lock, &zone, &mode, &isolation))
			require.Equal(t, 15, wait)
			require.Equal(t, 3, lock)
			require.Equal(t, "+00:00", zone)
			require.Equal(t, "STRICT_ALL_TABLES", mode)
			require.Equal(t, "READ-COMMITTED", isolation)
		})
	}
}

// While the old transaction is alive its fate is not known: a look at its commit
// row waits.
func TestCommitIsDecidedOnceTheOldTransactionEnded(t *testing.T) {
	for name, end := range map[string]struct {
		statement string
		want      error
	}{"committed": {"COMMIT", nil}, "rolled back": {"ROLLBACK", errAgain}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, engine := range testenv.Engines() {
				t.Run(engine.Name, func(t *testing.T) {
					t.Parallel()
					d, raw := openEngine(t, engine, 2)
					conn, err := raw.Conn(t.Context())
					require.NoError(t, err)
					defer conn.Close()
					old := &tx{ctx: t.Context(), dialect: d.dialect, token: Token{1, 2, 3}}
					old.meta, err = d.readMeta(t.Context(), d.primary)
					require.NoError(t, err)
					_, err = conn.ExecContext(t.Context(), "START TRANSACTION")
					require.NoError(t, err)
					_, err = conn.ExecContext(t.Context(), "INSERT INTO commits (token, at, changes) VALUES (?, 0, '')", old.token[:])
					require.NoError(t, err)

					decided := make(chan error, 1)
					go func() { decided <- d.decide(old, errors.New("lost")) }()
					require.Eventually(t, func() bool {
						var waiting int
						require.NoError(t, raw.QueryRowContext(t.Context(),
							"SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND info LIKE 'SELECT id FROM commits%FOR UPDATE'").Scan(&waiting))
						return waiting == 1
					}, 10*time.Second, 10*time.Millisecond)
					require.Empty(t, decided)
					_, err = conn.ExecContext(t.Context(), end.statement)
					require.NoError(t, err)
					if err = <-decided; end.want == nil {
						require.NoError(t, err)
					} else {
						require.ErrorIs(t, err, end.want)
					}
				})
			}
		})
	}
}

// In another life of the log the commit row's absence says nothing.
func TestCommitIsNotDecidedByAnotherServer(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			d, _ := openEngine(t, engine, 2)
			m, err := d.readMeta(t.Context(), d.primary)
			require.NoError(t, err)
			for _, other := range []meta{{Epoch: "other", Server: m.Server}, {Epoch: m.Epoch, Server: "other"}} {
				require.ErrorIs(t, d.decide(&tx{ctx: t.Context(), dialect: d.dialect, meta: other}, errors.New("lost")), errAmbiguous)
			}
		})
	}
}

// A key that a transaction under way holds makes its entry wait, and nobody else
// for long.
func TestHeldKeyHarmsNoNeighbour(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			d, raw := openEngine(t, engine, 2)
			held := &Key{Service: "shop", Value: "held", Body: [32]byte{1}}
			id := held.ID()
			conn, err := raw.Conn(t.Context())
			require.NoError(t, err)
			defer conn.Close()
			_, err = conn.ExecContext(t.Context(), "START TRANSACTION")
			require.NoError(t, err)
			_, err = conn.ExecContext(t.Context(), "INSERT INTO idempotency_keys (id, body, at, answer) VALUES (?, ?, 9999999999999, ?)",
				id[:], held.Body[:], packAnswer(Appended{Seqs: []uint64{7}}))
			require.NoError(t, err)

			c := []event.Channel{"user:a"}
			entries := []Entry{
				{Channels: c, Type: "t", Data: []byte("1"), Key: &Key{Service: "shop", Value: "free"}},
				{Channels: c, Type: "t", Data: []byte("2"), Key: held},
				{Channels: c, Type: "t", Data: []byte("3")},
				{Channels: []event.Channel{"user:b", "user:a"}, Type: "t", Data: []byte("4"), Key: &Key{Service: "shop", Value: "after"}, InOrder: true},
				{Channels: []event.Channel{"user:b"}, Type: "t", Data: []byte("5"), Key: &Key{Service: "shop", Value: "behind"}, InOrder: true},
				{Channels: []event.Channel{"user:c"}, Type: "t", Data: []byte("6"), Key: &Key{Service: "shop", Value: "beside"}, InOrder: true},
			}
			entries[1].InOrder = true
			_, results, err := d.Append(t.Context(), entries)
			require.NoError(t, err)
			require.Equal(t, []uint64{1}, results[0].Seqs)
			require.ErrorIs(t, results[1].Err, ErrKeyBusy)
			require.Equal(t, []uint64{2}, results[2].Seqs)
			require.ErrorIs(t, results[3].Err, ErrKeyBusy, "it would overtake")
			require.ErrorIs(t, results[4].Err, ErrKeyBusy, "and it would overtake that")
			require.Equal(t, []uint64{1}, results[5].Seqs)
			var wait int
			require.NoError(t, d.primary.GetContext(t.Context(), &wait, "SELECT @@innodb_lock_wait_timeout"))
			require.Equal(t, 3, wait, "the short lock wait ends with the connection that needed it")

			_, err = conn.ExecContext(t.Context(), "COMMIT")
			require.NoError(t, err)
			_, results, err = d.Append(t.Context(), entries[1:2])
			require.NoError(t, err)
			require.Equal(t, []uint64{7}, results[0].Seqs)
			require.True(t, results[0].Replayed)
		})
	}
}

func TestSeveralProgramsMigrateAtOnce(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			cluster := testenv.MySQL(t, engine)
			dsn := cluster.Primary.DSN(cluster.NewDatabase(t))
			var g errgroup.Group
			for range 4 {
				d, err := OpenMySQL(t.Context(), MySQLConfig{Primary: dsn, PoolSize: 1})
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, d.Close()) })
				require.ErrorIs(t, d.CheckSchema(t.Context()), ErrSchema)
				g.Go(func() error { return errors.Join(d.Migrate(t.Context()), d.Ready(t.Context())) })
			}
			require.NoError(t, g.Wait())
		})
	}
}

func TestMySQLConnectsWhenItIsAsked(t *testing.T) {
	t.Parallel()
	d, err := OpenMySQL(t.Context(), MySQLConfig{Primary: "u:p@tcp(127.0.0.1:1)/db", Replicas: []string{"u:p@tcp(127.0.0.1:1)/db"}})
	require.NoError(t, err)
	require.ErrorIs(t, d.Ready(t.Context()), ErrUnavailable)
	require.ErrorIs(t, d.Migrate(t.Context()), ErrUnavailable)
	require.NoError(t, d.Close())
}

func TestMySQLRefusesWhatItCannotUse(t *testing.T) {
	t.Parallel()
	const good = "u:p@tcp(127.0.0.1:1)/db"
	for name, cfg := range map[string]MySQLConfig{
		"no DSN":         {},
		"a broken DSN":   {Primary: "u:secret@tcp(127.0.0.1:1"},
		"no database":    {Primary: "u:secret@tcp(127.0.0.1:1)/"},
		"a replica":      {Primary: good, Replicas: []string{"u:secret@/"}},
		"pool too small": {Primary: good, PoolSize: -1},
	} {
		_, err := OpenMySQL(t.Context(), cfg)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "secret", name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := OpenMySQL(ctx, MySQLConfig{Primary: good})
	require.ErrorIs(t, err, context.Canceled)

	cfg, err := mysqlConfig(good+"?timeout=7s&innodb_lock_wait_timeout=50&max_error_count=1", nil, slog.Default())
	require.NoError(t, err)
	require.Equal(t, 7*time.Second, cfg.Timeout, "what is the operator's stays")
	require.Equal(t, "1", cfg.Params["max_error_count"])
	require.Equal(t, "3", cfg.Params["innodb_lock_wait_timeout"], "what we rely on does not")
}

func TestSQLiteFileBelongsToOneProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log.db")
	d, err := OpenSQLite(t.Context(), path)
	require.NoError(t, err)
	_, err = OpenSQLite(t.Context(), path)
	require.ErrorContains(t, err, "another process")
	epoch, _, err := d.Append(t.Context(), []Entry{{Channels: []event.Channel{"user:a"}, Type: "t", Data: []byte("1")}})
	require.NoError(t, err)
	var sync, journal string
	require.NoError(t, d.primary.GetContext(t.Context(), &sync, "PRAGMA synchronous"))
	require.NoError(t, d.primary.GetContext(t.Context(), &journal, "PRAGMA journal_mode"))
	require.Equal(t, "2", sync) // FULL
	require.Equal(t, "wal", journal)
	require.NoError(t, d.Close())

	d, err = OpenSQLite(t.Context(), path)
	require.NoError(t, err)
	heads, err := d.Heads(t.Context(), []event.Channel{"user:a"}, true)
	require.NoError(t, err)
	require.Equal(t, Heads{Epoch: epoch, Heads: []Head{{Channel: "user:a", Seq: 1, Version: 1, Unread: 1}}}, heads)
	_, err = d.primary.ExecContext(t.Context(), "INSERT INTO "+schemaTable+" (version_id, is_applied) VALUES (99999, 1)")
	require.NoError(t, err)
	require.NoError(t, d.Close())

	_, err = OpenSQLite(t.Context(), path)
	require.ErrorIs(t, err, ErrSchema)
	_, err = OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "no", "such", "folder"))
	require.Error(t, err)
}
