package kept_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
	"github.com/bellhop/bellhop/store/kept"
)

// onRedis is a log on a server of the test's own.
func onRedis(t *testing.T, cfg kept.Config, args ...string) (*testenv.RedisServer, *kept.Redis) {
	t.Helper()
	server := testenv.Redis(t, args...)
	cfg.Logger = quiet()
	return server, kept.NewRedis(open(t, server.URL()), cfg)
}

// key is the stream of topic.
var key = streamKey("bellhop:", topic)

// The server comes back with a channel that is all there, but nobody can know
// that it is: what was acknowledged last may be missing.
func TestRedisRestartedFromItsFilesBeginsANewEpoch(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"append-only file": {"--appendonly", "yes", "--appendfsync", "always"},
		"snapshot":         nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, log := onRedis(t, kept.Config{}, args...)
			add(t, log, "1")
			before := add(t, log, "2")
			if args == nil {
				require.NoError(t, server.Client().Save(t.Context()).Err())
				require.EqualValues(t, 3, add(t, log, "lost").Seqs[0])
			}
			server.Kill()
			server.Start()

			after := head(t, log, true)
			require.EqualValues(t, 2, after.Seq)
			require.NotEqual(t, before.Epoch, after.Epoch)
			require.True(t, after.Epoch.Valid())
			third := add(t, log, "3")
			require.EqualValues(t, 3, third.Seqs[0])
			require.Equal(t, after.Epoch, third.Epoch)
			pages, err := log.Ranges(t.Context(), []store.Range{{Channel: topic, Limit: 10}})
			require.NoError(t, err)
			require.Len(t, pages[0].Events, 3)
			require.Equal(t, after.Epoch, pages[0].Epoch)
		})
	}
}

func TestRedisRestartedEmptyBeginsANewEpoch(t *testing.T) {
	t.Parallel()
	server, log := onRedis(t, kept.Config{})
	before := add(t, log, "1")
	server.Kill()
	server.Start()
	require.Empty(t, head(t, log, true).Epoch)
	require.NotEqual(t, before.Epoch, add(t, log, "1").Epoch)
}

func TestRedisFlushedBeginsANewEpoch(t *testing.T) {
	t.Parallel()
	server, log := onRedis(t, kept.Config{})
	before := add(t, log, "1")
	require.NoError(t, server.Client().FlushAll(t.Context()).Err())
	require.Empty(t, head(t, log, false).Epoch)
	after := add(t, log, "1")
	require.EqualValues(t, 1, after.Seqs[0])
	require.NotEqual(t, before.Epoch, after.Epoch)
}

func TestRedisThatEvictsBeginsANewEpoch(t *testing.T) {
	t.Parallel()
	server, log := onRedis(t, kept.Config{}, "--maxmemory-policy", "allkeys-lru")
	before := add(t, log, "1")
	limit := func(bytes string) {
		require.NoError(t, server.Client().ConfigSet(t.Context(), "maxmemory", bytes).Err())
	}
	limit("1")
	require.Eventually(t, func() bool {
		n, err := server.Client().Exists(t.Context(), key).Result()
		return err == nil && n == 0
	}, waitFor, tick)
	limit("0")
	after := add(t, log, "1")
	require.EqualValues(t, 1, after.Seqs[0])
	require.NotEqual(t, before.Epoch, after.Epoch)
}

// Both a promotion and what goes before it change what a master is.
func TestRedisPromotedBeginsANewEpoch(t *testing.T) {
	t.Parallel()
	server, log := onRedis(t, kept.Config{})
	before := add(t, log, "1")
	require.NoError(t, server.Client().ReplicaOf(t.Context(), "127.0.0.1", "1").Err(), "nobody is there")

	refused := log.Append(t.Context(), []store.Entry{testEntry("2")})[0].Err
	require.ErrorIs(t, refused, store.ErrNotWritten)
	require.ErrorIs(t, refused, store.ErrNotPrimary)
	_, err := log.Heads(t.Context(), []event.Channel{topic}, false)
	require.ErrorIs(t, err, store.ErrNotPrimary)
	require.ErrorIs(t, err, store.ErrUnavailable)
	_, err = log.Ranges(t.Context(), []store.Range{{Channel: topic, Limit: 1}})
	require.ErrorIs(t, err, store.ErrNotPrimary)
	require.ErrorIs(t, log.Purge(t.Context(), topic), store.ErrNotPrimary)

	require.NoError(t, server.Client().ReplicaOf(t.Context(), "NO", "ONE").Err())
	after := add(t, log, "2")
	require.EqualValues(t, 2, after.Seqs[0])
	require.NotEqual(t, before.Epoch, after.Epoch)
}

// A pooled connection may lead to a master that is one no longer and does not know.
func TestRedisIsAskedAfreshOverANewConnection(t *testing.T) {
	t.Parallel()
	old, successor := testenv.Redis(t), testenv.Redis(t)
	proxy := testenv.Proxy(t, old.Addr)
	log := kept.NewRedis(open(t, "redis://"+proxy.Addr), kept.Config{Logger: quiet()})
	before := add(t, log, "1")
	proxy.Redirect(successor.Addr)
	require.Equal(t, before.Epoch, head(t, log, false).Epoch)
	require.Empty(t, head(t, log, true).Epoch)
	require.Equal(t, before.Epoch, head(t, log, false).Epoch, "the connections of others stay")
}

// The replica that is promoted lacks what was acknowledged last: those seqs are
// given to others, in another epoch.
func TestRedisFailOverToAReplicaThatLagsBeginsANewEpoch(t *testing.T) {
	t.Parallel()
	master := testenv.Redis(t)
	// All know the master by this address; were it the replica alone, Sentinel
	// would soon set that right.
	way := testenv.Proxy(t, master.Addr)
	host, port, _ := strings.Cut(way.Addr, ":")
	replica := testenv.Redis(t, "--replicaof", host, port)
	sentinel := testenv.Sentinel(t, way.Addr)
	log := kept.NewRedis(open(t, "redis+sentinel://"+sentinel+"/main"), kept.Config{Logger: quiet()})

	require.Eventually(t, func() bool { // a first replica is a new epoch by itself
		info, err := replica.Client().Info(t.Context(), "replication").Result()
		return err == nil && strings.Contains(info, "master_link_status:up")
	}, waitFor, tick)
	var before store.KeptAppended
	for range 3 {
		before = add(t, log, "kept")
	}
	require.Eventually(t, func() bool {
		n, err := replica.Client().XLen(t.Context(), key).Result()
		return err == nil && n == 3
	}, waitFor, tick)
	way.Intercept(func(d testenv.Direction, b []byte) testenv.Action {
		if d == testenv.ToClient && bytes.Contains(b, []byte("lost")) {
			return testenv.Hold // what the replica would be told, and all that follows
		}
		return testenv.Pass
	})
	for range 2 {
		require.Equal(t, before.Epoch, add(t, log, "lost").Epoch)
	}
	sentinels := redis.NewSentinelClient(&redis.Options{Addr: sentinel})
	defer sentinels.Close()
	require.Eventually(t, func() bool {
		replicas, err := sentinels.Replicas(t.Context(), "main").Result()
		return err == nil && len(replicas) == 1
	}, waitFor, tick, "the sentinel learns of the replica")
	master.Kill()
	require.Eventually(t, func() bool {
		// It is refused while one is under way, or no replica is found fit yet.
		_ = sentinels.Failover(t.Context(), "main").Err()
		heads, err := log.Heads(t.Context(), []event.Channel{topic}, true)
		return err == nil && heads[0].Seq == 3
	}, 2*waitFor, 200*time.Millisecond)

	after := add(t, log, "another")
	require.EqualValues(t, 4, after.Seqs[0])
	require.NotEqual(t, before.Epoch, after.Epoch)
	require.Equal(t, after.Epoch, head(t, log, false).Epoch)
}
