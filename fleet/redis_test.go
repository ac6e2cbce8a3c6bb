package fleet

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const (
	patience = 20 * time.Second
	tick     = 10 * time.Millisecond
)

// joinRedis starts a member on a bus of its own.
func joinRedis(t *testing.T, url, name string) *Member {
	t.Helper()
	client, err := fanout.OpenRedis(url)
	require.NoError(t, err)
	bus := fanout.NewRedis(client, fanout.Config{})
	m := New(Config{Self: Process{Name: name, Role: RoleGateway}, Bus: bus})
	m.Answer("name", func(context.Context, Question) (any, error) { return name, nil })
	s := bus.Subscriber(m.Tap(nil))
	m.Start(s)
	t.Cleanup(func() {
		require.NoError(t, m.Close())
		require.NoError(t, s.Close())
		require.NoError(t, client.Close())
	})
	return m
}

// TestProcessesFindEachOtherByRedis, on one server and on a Cluster.
func TestProcessesFindEachOtherByRedis(t *testing.T) {
	t.Parallel()
	for kind, url := range map[string]func(*testing.T) string{
		"a server":  func(t *testing.T) string { t.Helper(); return testenv.Redis(t).URL() },
		"a Cluster": func(t *testing.T) string { t.Helper(); return testenv.RedisCluster(t).URL() },
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			address := url(t)
			a := joinRedis(t, address, "a")
			joinRedis(t, address, "b")
			require.Eventually(t, func() bool {
				answered, silent := ask(t, a, "name")
				return len(answered) == 2 && len(silent) == 0
			}, patience, tick)
		})
	}
}

// TestRedisAwayIsNotWaitedFor: who was there before is named.
func TestRedisAwayIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	a := joinRedis(t, server.URL(), "a")
	joinRedis(t, server.URL(), "b")
	require.Eventually(t, func() bool { answered, _ := ask(t, a, "name"); return len(answered) == 2 }, patience, tick)
	server.Freeze()
	began := time.Now()
	answered, silent := ask(t, a, "name")
	require.Less(t, time.Since(began), 10*time.Second) // half a second, and a busy machine
	require.Equal(t, []string{"a"}, answered)
	require.Equal(t, []string{"b"}, silent)
	server.Thaw()
	require.Eventually(t, func() bool { answered, silent := ask(t, a, "name"); return len(answered) == 2 && len(silent) == 0 }, patience, tick)
}
