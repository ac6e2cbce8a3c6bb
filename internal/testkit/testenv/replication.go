package testenv

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"
)

// databasePrefix begins the names of the schemas that the account of DSN may use.
const databasePrefix = "bellhop_"

// catchUpSeconds bounds how long a replica may take to reach its primary.
const catchUpSeconds = 30

// NewDatabase makes an empty schema with a name of its own, waits until the
// replica has it (unless its applier is stopped), and drops it when the test ends.
func (c *Cluster) NewDatabase(tb testing.TB) string {
	tb.Helper()
	name := databasePrefix + strings.ToLower(rand.Text()[:12])
	c.Primary.Exec(tb, "CREATE DATABASE "+quoteName(name)+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
	tb.Cleanup(func() {
		// The context of tb is over by now. A primary that the test killed, or
		// left frozen, has no schema to drop: its data goes as a whole.
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		_, _ = c.Primary.admin.ExecContext(ctx, "DROP DATABASE IF EXISTS "+quoteName(name))
	})
	if c.replicating(tb.Context()) == nil {
		c.WaitCaughtUp(tb)
	}
	return name
}

// WaitCaughtUp waits until the replica has applied all that the primary has
// committed by now.
func (c *Cluster) WaitCaughtUp(tb testing.TB) {
	tb.Helper()
	var position string
	require.NoError(tb, c.Primary.admin.QueryRowContext(tb.Context(), c.Engine.dialect.position).Scan(&position))
	var result sql.NullInt64
	require.NoError(tb, c.Replica.admin.QueryRowContext(tb.Context(), c.Engine.dialect.reached, position, catchUpSeconds).Scan(&result))
	require.True(tb, result.Valid && result.Int64 == 0, "the replica did not reach %s within %d s", position, catchUpSeconds)
}

// StopApplier stops the replica from applying what it goes on to receive: it falls
// behind until StartApplier.
func (c *Cluster) StopApplier(tb testing.TB) {
	tb.Helper()
	c.Replica.Exec(tb, "STOP REPLICA SQL_THREAD")
}

// StartApplier undoes StopApplier. It does not wait for the replica.
func (c *Cluster) StartApplier(tb testing.TB) {
	tb.Helper()
	c.Replica.Exec(tb, "START REPLICA SQL_THREAD")
}

// StopReplication stops the replica from receiving and applying, for good.
func (c *Cluster) StopReplication(tb testing.TB) {
	tb.Helper()
	c.Replica.Exec(tb, "STOP REPLICA")
}

// Promote makes the replica a primary: it forgets whom it followed and takes
// writes. The old primary stays as it is; kill it, or demote it, as the test needs.
// Whatever the replica had not applied is lost.
func (c *Cluster) Promote(tb testing.TB) {
	tb.Helper()
	c.Replica.Exec(tb, "STOP REPLICA")
	c.Replica.Exec(tb, "RESET REPLICA ALL")
	c.Replica.Exec(tb, "SET GLOBAL read_only = 0")
}

// FollowEachOther has the replica take writes too, and the primary follow it.
func (c *Cluster) FollowEachOther(tb testing.TB) {
	tb.Helper()
	c.Primary.Exec(tb, fmt.Sprintf(c.Engine.dialect.follow, c.Replica.port.number, replicaUser, replicaPassword))
	c.Primary.Exec(tb, "START REPLICA")
	c.Replica.Exec(tb, "SET GLOBAL read_only = 0")
}

// Demote makes a server read-only, as the old primary is after a switch-over.
func (s *SQLServer) Demote(tb testing.TB) {
	tb.Helper()
	s.Exec(tb, "SET GLOBAL read_only = 1")
}

// replicating returns nil if the replica receives and applies.
func (c *Cluster) replicating(ctx context.Context) error {
	rows, err := c.Replica.admin.QueryContext(ctx, "SHOW REPLICA STATUS")
	if err != nil {
		return err
	}
	defer rows.Close()
	status := map[string]any{}
	if !rows.Next() {
		return errors.Join(errors.New("not a replica"), rows.Err())
	}
	if err := sqlx.MapScan(rows, status); err != nil {
		return err
	}
	d := c.Engine.dialect
	for _, thread := range []string{d.ioThread, d.sqlThread} {
		if is, _ := status[thread].([]byte); string(is) != "Yes" {
			return fmt.Errorf("%s is %s: %s %s", thread, status[thread], status["Last_IO_Error"], status["Last_SQL_Error"])
		}
	}
	return nil
}
