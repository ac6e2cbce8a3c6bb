package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
)

// A fail-over inside a group that keeps what it acknowledged begins no epoch, unless
// somebody forbids to take its members for one log.
func TestFailOverInsideAGroupBeginsNoEpoch(t *testing.T) {
	t.Parallel()
	for _, kind := range testenv.GroupKinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			g, database := testenv.NewGroup(t, kind, 3)
			cfg := store.MySQLConfig{Primary: g.DSN(database)}
			db := open(t, cfg)
			cfg.Identity = store.IdentityServer
			alone := open(t, cfg)

			// The epoch of a server goes on as that of its cluster.
			require.NoError(t, alone.Migrate(t.Context()))
			epoch := heads(t, alone, channel).Epoch
			changed, err := db.CheckIdentity(t.Context())
			require.NoError(t, err)
			require.False(t, changed)
			require.Equal(t, epoch, heads(t, db, channel).Epoch)

			seq := uint64(0)
			next := func() {
				t.Helper()
				seq++
				eventually(t, func() bool { return db.Ready(t.Context()) == nil })
				require.Equal(t, seq, post(t, db, channel, "x"))
				changed, err := db.CheckIdentity(t.Context())
				require.NoError(t, err)
				require.False(t, changed)
				require.Equal(t, epoch, heads(t, db, channel).Epoch)
			}
			next()
			first := g.Primary()
			first.Kill(t)
			eventually(t, func() bool { return g.Primary() != first })
			next()
			g.Rejoin(t, first)
			g.Switch(t)
			next()

			changed, err = alone.CheckIdentity(t.Context())
			require.NoError(t, err)
			require.True(t, changed, "what the cluster's epoch belongs to is forbidden to be one log")
			require.NotEqual(t, epoch, heads(t, alone, channel).Epoch)
		})
	}
}

// A server that takes no writes is not believed whatever says so, and nobody begins an
// epoch on it; a member of a group, also if it takes writes because it has not joined.
func TestWhoTakesNoWritesIsNotBelieved(t *testing.T) {
	t.Parallel()
	for _, kind := range testenv.GroupKinds()[1:] {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			g, database := testenv.NewGroup(t, kind, 3)
			db := open(t, store.MySQLConfig{Primary: g.DSN(database)})
			require.NoError(t, db.Migrate(t.Context()))
			require.EqualValues(t, 1, post(t, db, channel, "1"))
			first := g.Primary()
			direct := open(t, store.MySQLConfig{Primary: first.DSN(database)})
			refused := func(why string) {
				t.Helper()
				require.ErrorContains(t, direct.Ready(t.Context()), why)
				require.ErrorIs(t, direct.Ready(t.Context()), store.ErrNotPrimary)
				changed, err := direct.CheckIdentity(t.Context())
				require.ErrorIs(t, err, store.ErrNotPrimary)
				require.False(t, changed)
				_, err = direct.Heads(t.Context(), nil, true)
				require.ErrorIs(t, err, store.ErrNotPrimary)
			}
			require.NoError(t, direct.Ready(t.Context()))
			first.Exec(t, "STOP GROUP_REPLICATION")
			refused("super_read_only")
			first.Exec(t, "SET GLOBAL super_read_only = 0")
			first.Exec(t, "SET GLOBAL read_only = 0")
			refused("not the primary of its group")
			first.Exec(t, "SET GLOBAL super_read_only = 1")
			eventually(t, func() bool { return g.Primary() != first && db.Ready(t.Context()) == nil })
			second := g.Primary()

			// Without a majority: a write is answered in a bounded time, and the server
			// that calls itself the primary is none.
			for _, s := range g.Members {
				if s != second && s != first {
					s.Freeze(t)
					defer s.Thaw(t)
				}
			}
			behind := open(t, store.MySQLConfig{Primary: second.DSN(database)})
			eventually(t, func() bool { return behind.Ready(t.Context()) != nil })
			require.ErrorContains(t, behind.Ready(t.Context()), "without a majority")
		})
	}
}

// A reader of Aurora says read_only = 0 and innodb_read_only = 1. Under the primary's
// address, with the identity that the epoch belongs to, it is not believed: what is read
// comes from a replica and says that it is stale, and no epoch begins.
func TestReaderUnderThePrimarysAddressIsNotBelieved(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			cluster := testenv.PrivateMySQL(t, engine)
			database := cluster.NewDatabase(t)
			db := open(t, store.MySQLConfig{Primary: cluster.Primary.DSN(database), Replicas: []string{cluster.Replica.DSN(database)}})
			require.NoError(t, db.Migrate(t.Context()))
			post(t, db, channel, "1")
			cluster.WaitCaughtUp(t)
			epoch := heads(t, db, channel).Epoch

			cluster.Primary.Restart(t, "--innodb-read-only=ON")
			var likeAurora bool
			require.NoError(t, cluster.Primary.Admin().QueryRowContext(t.Context(), "SELECT @@read_only = 0 AND @@innodb_read_only = 1").Scan(&likeAurora))
			require.True(t, likeAurora)
			require.ErrorIs(t, db.Ready(t.Context()), store.ErrNotPrimary)
			require.ErrorContains(t, db.Ready(t.Context()), "innodb_read_only")
			changed, err := db.CheckIdentity(t.Context())
			require.ErrorIs(t, err, store.ErrNotPrimary)
			require.False(t, changed)
			h := heads(t, db, channel)
			require.True(t, h.Stale)
			require.Equal(t, epoch, h.Epoch)
			list, err := db.Inbox(t.Context(), channel, 0, 10, false)
			require.NoError(t, err)
			require.True(t, list.Stale)
			require.Len(t, list.Items, 1)
			_, _, err = db.Append(t.Context(), []store.Entry{{Channels: []event.Channel{channel}, Type: "note", Data: []byte("x")}})
			require.ErrorIs(t, err, store.ErrNotPrimary)
			require.ErrorIs(t, err, store.ErrNotWritten)
		})
	}
}
