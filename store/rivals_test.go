package store_test

import (
	"errors"
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
)

var alternateFor = flag.Duration("alternate", 3*time.Second, "how long two servers answer under one address by turns")

// Two servers that both take writes and answer by turns under one address get one new
// epoch between them, not one with each turn, and who asks sees one life of the log;
// whether each has the other's rows, or they know nothing of one another.
func TestTwoWritersBehindOneAddressDoNotResetByTurns(t *testing.T) {
	t.Parallel()
	one, two := testenv.PrivateMySQL(t, testenv.MariaDB()), testenv.PrivateMySQL(t, testenv.MariaDB())
	for name, test := range map[string]struct {
		other  *testenv.Cluster
		shared bool
	}{"that share their rows": {one, true}, "that share nothing": {two, false}} {
		t.Run(name, func(t *testing.T) {
			database := one.NewDatabase(t)
			other := test.other.Replica
			if !test.shared {
				other = test.other.Primary
				other.Exec(t, "CREATE DATABASE "+database+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
				require.NoError(t, open(t, store.MySQLConfig{Primary: other.DSN(database)}).Migrate(t.Context()))
			}
			proxy := testenv.Proxy(t, one.Primary.Addr)
			cfg := store.MySQLConfig{Primary: one.Primary.DSNVia(proxy.Addr, database)}
			notifier, gateway := open(t, cfg), open(t, cfg)
			require.NoError(t, notifier.Migrate(t.Context()))
			epochs := map[event.Epoch]bool{heads(t, gateway, channel).Epoch: true}
			post(t, notifier, channel, "1")
			if test.shared {
				one.WaitCaughtUp(t)
				one.Promote(t)
			}

			begun, named := 0, false
			for turn, until := 0, time.Now().Add(*alternateFor); time.Now().Before(until); turn++ {
				proxy.Redirect([]string{one.Primary.Addr, other.Addr}[turn%2])
				proxy.Cut()
				changed, err := notifier.CheckIdentity(t.Context())
				if changed {
					begun++
				}
				if err != nil {
					require.ErrorIs(t, err, store.ErrNotPrimary)
					require.ErrorIs(t, err, store.ErrRivals)
					named = true
					require.ErrorIs(t, notifier.Ready(t.Context()), store.ErrRivals)
					_, _, err := notifier.Append(t.Context(), []store.Entry{{Channels: []event.Channel{channel}, Type: "note", Data: []byte("x")}})
					require.ErrorIs(t, err, store.ErrRivals)
					require.ErrorIs(t, err, store.ErrNotWritten)
				}
				if h, err := gateway.Heads(t.Context(), nil, true); err == nil {
					epochs[h.Epoch] = true
				} else {
					require.ErrorIs(t, err, store.ErrNotPrimary)
				}
			}
			require.True(t, named)
			require.LessOrEqual(t, begun, 1)
			require.LessOrEqual(t, len(epochs), 2, "the one at first, and one new one")
		})
	}
}

// Two servers that follow one another, and two programs that write to one each: the
// programs take the epoch from one another once, and not by turns.
func TestTwoWritersThatFollowEachOtherDoNotResetByTurns(t *testing.T) {
	t.Parallel()
	cluster := testenv.PrivateMySQL(t, testenv.MariaDB())
	database := cluster.NewDatabase(t)
	one := open(t, store.MySQLConfig{Primary: cluster.Primary.DSN(database)})
	two := open(t, store.MySQLConfig{Primary: cluster.Replica.DSN(database)})
	require.NoError(t, one.Migrate(t.Context()))
	post(t, one, channel, "1")
	cluster.WaitCaughtUp(t)
	cluster.FollowEachOther(t)

	begun := 0
	check := func(db *store.DB) error {
		changed, err := db.CheckIdentity(t.Context())
		if changed {
			begun++
		}
		return err
	}
	require.NoError(t, check(two), "it can't know of the other one yet")
	eventually(t, func() bool { _ = check(two); return errors.Is(check(one), store.ErrRivals) })
	for range 10 {
		require.ErrorIs(t, check(one), store.ErrRivals)
		require.NoError(t, check(two))
	}
	require.LessOrEqual(t, begun, 3)
}
