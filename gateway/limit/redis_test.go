package limit_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/gateway/limit"
	"github.com/bellhop/bellhop/gateway/limit/limittest"
	"github.com/bellhop/bellhop/internal/testenv"
)

func open(t *testing.T, url string) redis.UniversalClient {
	t.Helper()
	client, err := fanout.OpenRedis(url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

// unhurried is for tests of what Redis says: on a busy machine it may take longer
// to say it than a stream would wait.
const unhurried = 20 * time.Second

func join(t *testing.T, client redis.UniversalClient, prefix string, timeout time.Duration) *limit.Redis {
	t.Helper()
	c := limit.NewRedis(client, limit.RedisConfig{Prefix: prefix, Timeout: timeout, Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func TestMemory(t *testing.T) {
	t.Parallel()
	limittest.Run(t, func(*testing.T) func() limit.Counter { return new(limit.Memory).Join })
}

func TestRedis(t *testing.T) {
	t.Parallel()
	client := open(t, testenv.Redis(t).URL())
	t.Run("suite", func(t *testing.T) {
		limittest.Run(t, func(t *testing.T) func() limit.Counter {
			t.Helper()
			return func() limit.Counter {
				return limit.NewRedis(client, limit.RedisConfig{Prefix: t.Name() + ":", Timeout: unhurried, Logger: slog.New(slog.DiscardHandler)})
			}
		})
	})
}

func TestRedisCluster(t *testing.T) {
	t.Parallel()
	client := open(t, "redis+cluster://"+testenv.RedisCluster(t).Addr)
	a, b := join(t, client, "", unhurried), join(t, client, "", unhurried)
	require.Eventually(t, func() bool { return a.Acquire(t.Context(), "mina", 1) }, 10*time.Second, 5*time.Millisecond)
	require.False(t, b.Acquire(t.Context(), "mina", 1))
}

// TestKilledGatewayFreesItsPlaces within ten seconds, without a word of its own.
func TestKilledGatewayFreesItsPlaces(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	network := testenv.Proxy(t, server.Addr)
	killed := join(t, open(t, "redis://"+network.Addr), "", unhurried)
	survivor := join(t, open(t, server.URL()), "", unhurried)
	require.True(t, killed.Acquire(t.Context(), "mina", 1))
	require.False(t, survivor.Acquire(t.Context(), "mina", 1))
	network.Refuse() // nothing of it is heard any more
	began := time.Now()
	require.Eventually(t, func() bool { return survivor.Acquire(t.Context(), "mina", 1) }, 10*time.Second, 20*time.Millisecond)
	require.Greater(t, time.Since(began), time.Second, "it was not taken for dead at once")
}

// TestFrozenRedisIsNotWaitedFor: the local count decides, and soon.
func TestFrozenRedisIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	client := open(t, server.URL())
	a, b := join(t, client, "", 0), join(t, client, "", 0)
	require.True(t, a.Acquire(t.Context(), "mina", 3))
	server.Freeze()
	t.Cleanup(server.Thaw)
	began := time.Now()
	require.True(t, b.Acquire(t.Context(), "mina", 3))
	require.True(t, b.Acquire(t.Context(), "mina", 3))
	require.True(t, b.Acquire(t.Context(), "mina", 3))
	require.False(t, b.Acquire(t.Context(), "mina", 3), "the local count decides")
	require.Less(t, time.Since(began), time.Second)
	server.Thaw()
	require.Eventually(t, func() bool { return !a.Acquire(t.Context(), "mina", 3) }, 10*time.Second, 20*time.Millisecond,
		"what was counted meanwhile is told")
}

// TestRedisThatLostItsMemoryIsTold what is open.
func TestRedisThatLostItsMemoryIsTold(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	client := open(t, server.URL())
	a, b := join(t, client, "", unhurried), join(t, client, "", unhurried)
	for range 3 {
		require.True(t, a.Acquire(t.Context(), "mina", 3))
	}
	require.NoError(t, server.Client().FlushAll(t.Context()).Err())
	require.Eventually(t, func() bool {
		n, err := server.Client().Exists(t.Context(), "bellhop:limit:user:mina").Result()
		return err == nil && n == 1
	}, 10*time.Second, 20*time.Millisecond)
	require.False(t, b.Acquire(t.Context(), "mina", 3))
}

// TestStreamGivenUpDuringTheQuestion: a client that is gone again does not keep
// its place.
func TestStreamGivenUpDuringTheQuestion(t *testing.T) {
	t.Parallel()
	a := join(t, open(t, testenv.Redis(t).URL()), "", unhurried)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if a.Acquire(gone, "mina", 1) {
		a.Release("mina")
	}
	require.True(t, a.Acquire(t.Context(), "mina", 1))
}
