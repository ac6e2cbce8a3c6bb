package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
)

// TestReplicaSaysHowFarItIsBehind: not at all, by the age of what it has, and, away,
// nothing but why.
func TestReplicaSaysHowFarItIsBehind(t *testing.T) {
	t.Parallel()
	cluster := testenv.PrivateMySQL(t, testenv.MariaDB())
	proxy := testenv.Proxy(t, cluster.Replica.Addr)
	name := cluster.NewDatabase(t)
	db := open(t, store.MySQLConfig{Primary: cluster.Primary.DSN(name), Replicas: []string{cluster.Replica.DSNVia(proxy.Addr, name)}})
	require.NoError(t, db.Migrate(t.Context()))
	post(t, db, channel, "1")
	cluster.WaitCaughtUp(t)
	replica := func() store.ServerStats { return db.Stats()[1] }
	require.Negative(t, replica().Lag, "nobody has asked")
	// One look each, as long as it takes.
	look := func(until func() bool) {
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { db.Watch(ctx) })
		eventually(t, until)
		cancel()
		done.Wait()
	}
	look(func() bool { return replica().Lag == 0 })
	cluster.StopApplier(t)
	post(t, db, channel, "2")
	look(func() bool { return replica().Lag > 0 })
	require.LessOrEqual(t, replica().Lag, time.Minute)
	proxy.Refuse()
	look(func() bool { return replica().PassedOver && replica().Lag < 0 })
	require.NotEmpty(t, replica().Why)
	proxy.Resume()
	cluster.StartApplier(t)
	look(func() bool { return replica().Lag == 0 && replica().Why == "" })
}
