//nolint:thelper // the functions in the table are tests
package store_test

import (
	"bytes"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
)

// patience bounds every wait.
const (
	patience = 30 * time.Second
	tick     = 10 * time.Millisecond
)

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, patience, tick)
}

func open(t *testing.T, cfg store.MySQLConfig) *store.DB {
	t.Helper()
	db, err := store.OpenMySQL(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func post(t *testing.T, db *store.DB, c event.Channel, data string) uint64 {
	t.Helper()
	_, results, err := db.Append(t.Context(), []store.Entry{{Channels: []event.Channel{c}, Type: "note", Data: []byte(data)}})
	require.NoError(t, err)
	return results[0].Seqs[0]
}

func heads(t *testing.T, db *store.DB, c event.Channel) store.Heads {
	t.Helper()
	h, err := db.Heads(t.Context(), []event.Channel{c}, false)
	require.NoError(t, err)
	return h
}

func page(t *testing.T, db *store.DB, r store.Range) store.Page {
	t.Helper()
	r.Limit = 100
	pages, err := db.Ranges(t.Context(), []store.Range{r})
	require.NoError(t, err)
	return pages[0]
}

const channel event.Channel = "user:42"

// The servers of one cluster fail one after the other.
func TestServersFail(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			cluster := testenv.PrivateMySQL(t, engine)
			for _, test := range serverFailures {
				t.Run(test.name, func(t *testing.T) { test.run(t, cluster) })
			}
		})
	}
}

// serverFailures go from harmless to final.
var serverFailures = []struct {
	name string
	run  func(*testing.T, *testenv.Cluster)
}{
	{"what a replica has not applied is read from the primary", func(t *testing.T, cluster *testenv.Cluster) {
		db := openCluster(t, cluster, store.MySQLConfig{}).DB
		post(t, db, channel, "1")
		cluster.WaitCaughtUp(t)
		cluster.StopApplier(t)
		defer cluster.StartApplier(t)
		post(t, db, channel, "2")
		head := heads(t, db, channel)
		require.EqualValues(t, 2, head.Heads[0].Seq, "heads are the primary's")

		p := page(t, db, store.Range{Channel: channel, Epoch: head.Epoch})
		require.Len(t, p.Events, 1, "who expects nothing is served by the replica")
		require.EqualValues(t, 1, p.Seq)
		for name, r := range map[string]store.Range{
			"through": {Through: 2},
			"version": {Version: head.Heads[0].Version},
			"after":   {After: 2},
		} {
			r.Channel, r.Epoch = channel, head.Epoch
			p := page(t, db, r)
			require.EqualValues(t, 2, p.Seq, name)
			require.False(t, p.Stale, name)
		}
		pages, err := db.Ranges(t.Context(), []store.Range{
			{Channel: channel, Limit: 9}, {Channel: channel, Through: 2, Limit: 9}, {Channel: channel, Limit: 9},
		})
		require.NoError(t, err)
		require.Equal(t, []uint64{1, 2, 1}, []uint64{pages[0].Last, pages[1].Last, pages[2].Last}, "each is judged by itself")
		stats := db.Stats()
		require.Equal(t, []uint64{4, 3, 4}, []uint64{stats[0].Pages, stats[1].Pages, stats[1].Behind}, "of the primary, of the replica, and why")
		require.False(t, stats[1].PassedOver)
	}},
	{"another epoch on a replica is lag", func(t *testing.T, cluster *testenv.Cluster) {
		db := openCluster(t, cluster, store.MySQLConfig{}).DB
		post(t, db, channel, "1")
		cluster.WaitCaughtUp(t)
		first := heads(t, db, channel).Epoch
		cluster.StopApplier(t)
		require.NoError(t, db.NewEpoch(t.Context()))
		second := heads(t, db, channel).Epoch
		p := page(t, db, store.Range{Channel: channel, Epoch: second})
		require.Equal(t, second, p.Epoch)
		cluster.StartApplier(t)
		cluster.WaitCaughtUp(t)
		p = page(t, db, store.Range{Channel: channel, Epoch: first})
		require.Equal(t, second, p.Epoch, "the primary has the last word")
		require.False(t, p.Stale)
	}},
	{"a replica that is away is passed over and tried again", func(t *testing.T, cluster *testenv.Cluster) {
		proxy := testenv.Proxy(t, cluster.Replica.Addr)
		name := cluster.NewDatabase(t)
		db := open(t, store.MySQLConfig{Primary: cluster.Primary.DSN(name), Replicas: []string{cluster.Replica.DSNVia(proxy.Addr, name)}})
		require.NoError(t, db.Migrate(t.Context()))
		post(t, db, channel, "1")
		cluster.WaitCaughtUp(t)

		var answers atomic.Int64
		proxy.Intercept(func(d testenv.Direction, _ []byte) testenv.Action {
			if d == testenv.ToClient {
				answers.Add(1)
			}
			return testenv.Pass
		})
		read := func() { require.Len(t, page(t, db, store.Range{Channel: channel, Through: 1}).Events, 1) }
		read()
		require.Positive(t, answers.Load(), "a replica is asked first")
		proxy.Refuse()
		read()
		proxy.Resume()
		answers.Store(0)
		read()
		require.Zero(t, answers.Load(), "it is passed over for a while")
		require.True(t, db.Stats()[1].PassedOver)
		require.EqualValues(t, 1, db.Stats()[1].Failures)
		eventually(t, func() bool { read(); return answers.Load() > 0 })
	}},
	{"a frozen replica costs one wait", func(t *testing.T, cluster *testenv.Cluster) {
		db := openCluster(t, cluster, store.MySQLConfig{}).DB
		post(t, db, channel, "1")
		cluster.WaitCaughtUp(t)
		cluster.Replica.Freeze(t)
		defer cluster.Replica.Thaw(t)
		require.Len(t, page(t, db, store.Range{Channel: channel, Through: 1}).Events, 1)
		start := time.Now()
		require.Len(t, page(t, db, store.Range{Channel: channel, Through: 1}).Events, 1)
		require.Less(t, time.Since(start), time.Second)
	}},
	{"with the primary away reads go on, stale", func(t *testing.T, cluster *testenv.Cluster) {
		proxy := testenv.Proxy(t, cluster.Primary.Addr)
		name := cluster.NewDatabase(t)
		db := open(t, store.MySQLConfig{Primary: cluster.Primary.DSNVia(proxy.Addr, name), Replicas: []string{cluster.Replica.DSN(name)}})
		require.NoError(t, db.Migrate(t.Context()))
		post(t, db, channel, "1")
		cluster.WaitCaughtUp(t)
		epoch := heads(t, db, channel).Epoch

		proxy.Refuse()
		h := heads(t, db, channel)
		require.True(t, h.Stale)
		require.Equal(t, epoch, h.Epoch)
		require.EqualValues(t, 1, h.Heads[0].Seq)
		require.False(t, page(t, db, store.Range{Channel: channel, Epoch: epoch, Through: 1}).Stale, "a replica that has it all is as good")
		p := page(t, db, store.Range{Channel: channel, Epoch: epoch, Through: 5})
		require.True(t, p.Stale)
		require.Len(t, p.Events, 1)
		require.EqualValues(t, 1, p.Last)
		require.NoError(t, db.Readable(t.Context()))

		for name, ask := range map[string]func() error{
			"append": func() error {
				_, _, err := db.Append(t.Context(), []store.Entry{{Channels: []event.Channel{channel}, Type: "note", Data: []byte("2")}})
				require.ErrorIs(t, err, store.ErrNotWritten)
				return err
			},
			"ready":    func() error { return db.Ready(t.Context()) },
			"identity": func() error { _, err := db.CheckIdentity(t.Context()); return err },
			"tail": func() error {
				_, err := db.Tail(t.Context(), store.Mark{}, func(store.Mark) bool { return false })
				return err
			},
			"delete": func() error { _, err := db.Delete(t.Context(), channel, 1); return err },
		} {
			err := ask()
			require.ErrorIs(t, err, store.ErrUnavailable, name)
			require.NotErrorIs(t, err, store.ErrNotPrimary, name)
		}
		proxy.Resume()
		require.False(t, heads(t, db, channel).Stale)
		require.EqualValues(t, 2, post(t, db, channel, "2"))

		// Both away.
		proxy.Refuse()
		only := open(t, store.MySQLConfig{Primary: cluster.Primary.DSNVia(proxy.Addr, name), Replicas: []string{cluster.Replica.DSNVia(proxy.Addr, name)}})
		_, err := only.Heads(t.Context(), nil, false)
		require.ErrorIs(t, err, store.ErrUnavailable)
		_, err = only.Ranges(t.Context(), []store.Range{{Channel: channel, Limit: 1}})
		require.ErrorIs(t, err, store.ErrUnavailable)
		require.ErrorIs(t, only.Readable(t.Context()), store.ErrUnavailable)
	}},
	{"a frozen primary does not stop reads", func(t *testing.T, cluster *testenv.Cluster) {
		db := openCluster(t, cluster, store.MySQLConfig{}).DB
		post(t, db, channel, "1")
		cluster.WaitCaughtUp(t)
		cluster.Primary.Freeze(t)
		defer cluster.Primary.Thaw(t)
		eventually(t, func() bool { return heads(t, db, channel).Stale }) // the signal takes a moment
		start := time.Now()
		require.True(t, heads(t, db, channel).Stale)
		require.Less(t, time.Since(start), 8*time.Second)
	}},
	{"a promoted replica is believed from its own epoch on", func(t *testing.T, cluster *testenv.Cluster) {
		name := cluster.NewDatabase(t)
		old := open(t, store.MySQLConfig{Primary: cluster.Primary.DSN(name)})
		require.NoError(t, old.Migrate(t.Context()))
		post(t, old, channel, "1")
		first := heads(t, old, channel).Epoch
		cluster.WaitCaughtUp(t)

		promoted := open(t, store.MySQLConfig{Primary: cluster.Replica.DSN(name)})
		_, err := promoted.Heads(t.Context(), nil, false)
		require.ErrorIs(t, err, store.ErrNotPrimary, "it is read-only")
		_, err = promoted.CheckIdentity(t.Context())
		require.ErrorIs(t, err, store.ErrNotPrimary)
		require.ErrorIs(t, promoted.NewEpoch(t.Context()), store.ErrNotPrimary)
		_, _, err = promoted.Append(t.Context(), []store.Entry{{Channels: []event.Channel{channel}, Type: "note", Data: []byte("2")}})
		require.ErrorIs(t, err, store.ErrNotPrimary)
		require.ErrorIs(t, err, store.ErrNotWritten)

		cluster.Promote(t)
		_, err = promoted.Heads(t.Context(), nil, false)
		require.ErrorIs(t, err, store.ErrNotPrimary, "the epoch is another server's")
		changed, err := promoted.CheckIdentity(t.Context())
		require.NoError(t, err)
		require.True(t, changed)
		require.NotEqual(t, first, heads(t, promoted, channel).Epoch)
		require.EqualValues(t, 2, post(t, promoted, channel, "2"))

		cluster.Primary.Demote(t)
		_, err = old.Heads(t.Context(), nil, false)
		require.ErrorIs(t, err, store.ErrNotPrimary, "the connection was opened before")
		_, _, err = old.Append(t.Context(), []store.Entry{{Channels: []event.Channel{channel}, Type: "note", Data: []byte("x")}})
		require.ErrorIs(t, err, store.ErrNotPrimary)
		require.ErrorIs(t, err, store.ErrNotWritten)
	}},
}

// A COMMIT that is not answered is looked up by its token.
func TestAmbiguousCommit(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			for _, test := range []struct {
				name string
				// fails tells what happens to the first COMMIT and its answer.
				fail testenv.Direction
				stay bool // the server stays away afterwards
			}{
				{"happened: the answer was lost", testenv.ToClient, false},
				{"did not happen: COMMIT was lost", testenv.ToServer, false},
				{"nobody knows: the server is away", testenv.ToClient, true},
			} {
				t.Run(test.name, func(t *testing.T) { testAmbiguousCommit(t, engine, test.fail, test.stay) })
			}
		})
	}
}

func testAmbiguousCommit(t *testing.T, engine testenv.Engine, fail testenv.Direction, stay bool) {
	cluster := testenv.MySQL(t, engine)
	proxy := testenv.Proxy(t, cluster.Primary.Addr)
	name := cluster.NewDatabase(t)
	direct := open(t, store.MySQLConfig{Primary: cluster.Primary.DSN(name)})
	require.NoError(t, direct.Migrate(t.Context()))
	post(t, direct, channel, "0")
	db := open(t, store.MySQLConfig{Primary: cluster.Primary.DSNVia(proxy.Addr, name), PoolSize: 2})

	var committing, done, refused bool // Intercept calls one at a time
	proxy.Intercept(func(d testenv.Direction, b []byte) testenv.Action {
		switch {
		case done:
			if stay {
				refused = true
				return testenv.Cut
			}
		case d == testenv.ToServer && bytes.HasSuffix(b, []byte("COMMIT")):
			if fail == testenv.ToServer {
				done = true
				return testenv.Cut
			}
			committing = true
		case committing && d == testenv.ToClient:
			done = true
			return testenv.Cut
		}
		return testenv.Pass
	})
	_, results, err := db.Append(t.Context(), []store.Entry{{Channels: []event.Channel{channel}, Type: "note", Data: []byte("1")}})
	if stay {
		require.ErrorIs(t, err, store.ErrUnavailable)
		require.NotErrorIs(t, err, store.ErrNotWritten)
		proxy.Intercept(nil)
		require.True(t, refused)
	} else {
		require.NoError(t, err)
		require.Equal(t, []uint64{2}, results[0].Seqs)
	}
	require.True(t, done)
	require.Len(t, page(t, direct, store.Range{Channel: channel, Through: 2}).Events, 2, "once, and only once")
}

// A notifier that vanished without closing its connection, inside a transaction,
// holds everybody up for a bounded time.
func TestVanishedNotifierFreesItsLocks(t *testing.T) {
	t.Parallel()
	cluster := testenv.MySQL(t, testenv.MariaDB())
	name := cluster.NewDatabase(t)
	vanishing := open(t, store.MySQLConfig{Primary: cluster.Primary.DSN(name), PoolSize: 1})
	require.NoError(t, vanishing.Migrate(t.Context()))
	post(t, vanishing, channel, "1")
	hold := vanishing.HoldForTest(t, channel)
	defer hold()

	db := open(t, store.MySQLConfig{Primary: cluster.Primary.DSN(name)})
	start := time.Now()
	var last error
	eventually(t, func() bool {
		_, _, err := db.Append(t.Context(), []store.Entry{{Channels: []event.Channel{channel}, Type: "note", Data: []byte("2")}})
		if err != nil {
			last = err
			require.ErrorIs(t, err, store.ErrNotWritten)
			require.ErrorIs(t, err, store.ErrUnavailable)
		}
		return err == nil
	})
	require.Less(t, time.Since(start), store.MaxTransaction)
	require.Error(t, errors.Join(last), "it was held up")
}
