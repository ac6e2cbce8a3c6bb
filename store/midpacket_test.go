package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// Whatever ends a transaction in the middle of the packet that has its COMMIT, nothing of
// the packet is carried out by itself: the append happens as a whole or not at all.
func TestNothingOfAPacketRunsOnAfterAnAbort(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		for _, rollback := range []string{"OFF", "ON"} {
			t.Run(engine.Name+", rollback on timeout "+rollback, func(t *testing.T) {
				t.Parallel()
				cluster := testenv.PrivateMySQL(t, engine, testenv.ServerOption("--innodb-rollback-on-timeout="+rollback))
				for _, abort := range []string{"KILL QUERY", "KILL", "deadlock", "lock wait"} {
					t.Run(abort, func(t *testing.T) { testAbortInAPacket(t, cluster, abort) })
				}
			})
		}
	}
}

func testAbortInAPacket(t *testing.T, cluster *testenv.Cluster, abort string) { //nolint:thelper // it is a test
	d, err := OpenMySQL(t.Context(), MySQLConfig{Primary: cluster.Primary.DSN(cluster.NewDatabase(t)), PoolSize: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	require.NoError(t, d.Migrate(t.Context()))
	_, _, err = d.Append(t.Context(), []Entry{commitTestEntry("first")})
	require.NoError(t, err)
	admin, err := cluster.Primary.Admin().Conn(t.Context())
	require.NoError(t, err)
	defer admin.Close()
	do := func(query string, args ...any) {
		t.Helper()
		_, err := admin.ExecContext(t.Context(), query, args...)
		require.NoError(t, err, query)
	}
	var database string
	require.NoError(t, d.primary.GetContext(t.Context(), &database, "SELECT DATABASE()"))
	do("USE " + database)
	do("SET innodb_lock_wait_timeout = 20")
	session := connectionID(t, d)

	// The row that the append is about to write is taken; with many others, so that it
	// is the append that a deadlock ends.
	hash := hashOf(commitTestChannel)
	do("START TRANSACTION")
	for seq := 2; seq < 40; seq++ {
		do("INSERT INTO events (channel, seq, type, flags, created_at, expires_at, collapse_key, data) VALUES (?, ?, 'other', 0, 0, 0, '', '')", hash[:], seq)
	}
	appended := make(chan error, 1)
	go func() {
		_, _, err := d.Append(context.WithoutCancel(t.Context()), []Entry{commitTestEntry("second"), commitTestEntry("third")})
		appended <- err
	}()
	waits := func() bool {
		var name string
		var waiting int
		err := cluster.Primary.Admin().QueryRowContext(t.Context(), "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'").Scan(&name, &waiting)
		return err == nil && waiting > 0
	}
	require.Eventually(t, waits, 10*time.Second, time.Millisecond)
	switch abort {
	case "deadlock":
		do("SELECT head FROM channels WHERE hash = ? FOR UPDATE", hash[:])
	case "lock wait":
		require.Eventually(t, func() bool { return !waits() }, 10*time.Second, time.Millisecond)
	default:
		cluster.Primary.Exec(t, fmt.Sprint(abort, " ", session))
	}
	do("ROLLBACK")
	require.NoError(t, <-appended, "it is repeated")

	var head, rows, last, commits int
	require.NoError(t, cluster.Primary.Admin().QueryRowContext(t.Context(), "SELECT (SELECT head FROM "+database+".channels),"+
		" (SELECT COUNT(*) FROM "+database+".events), (SELECT MAX(seq) FROM "+database+".events), (SELECT COUNT(*) FROM "+database+".commits)").
		Scan(&head, &rows, &last, &commits))
	require.Equal(t, []int{3, 3, 3, 2}, []int{head, rows, last, commits}, "head, rows, the last, commit rows")
}
