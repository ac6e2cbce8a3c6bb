package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const faultSubscribers = 60

// TestRaffleOutlivesRedis: Redis hangs, is emptied, loses the raffle's key, or dies
// and comes back empty, while the raffle changes fifty times a second. Of each loss
// every subscriber hears once, and goes on with the newest value; of the news, which are
// in the database and come on the same streams, nobody loses any.
func TestRaffleOutlivesRedis(t *testing.T) {
	server := testenv.Redis(t)
	s := newStage(t, server.URL())
	all := subscribe(t, faultSubscribers, s.addrs(), nil, raffle, news)
	w := s.begin(nil)
	all.await(t, "at the first news", func(s seen) bool { return s.first == 1 })
	w.awaitNext(all)

	// One that hangs for a while and goes on has lost nothing.
	server.Freeze()
	w.awaitNews(all)
	w.awaitNews(all)
	server.Thaw()
	w.awaitNext(all)
	for _, f := range all {
		require.Zero(t, f.now().resets)
	}

	var late subscribers
	for i, fault := range []struct {
		name string
		do   func()
	}{
		{"emptied", func() { require.NoError(t, server.Client().FlushAll(t.Context()).Err()) }},
		{"the key is evicted", func() { evict(t, server.Client()) }},
		{"killed, and back empty", func() {
			server.Kill()
			late = s.joinWithoutRedis()
			w.awaitNews(all, late)
			server.Start()
			late.await(t, "no longer waiting", func(s seen) bool { return s.readies[len(s.readies)-1] == "{}" })
			for _, f := range late {
				require.Len(t, f.now().readies, 2)
			}
		}},
		{"emptied again", func() { require.NoError(t, server.Client().FlushAll(t.Context()).Err()) }},
	} {
		fault.do()
		all.await(t, "told that "+fault.name, func(s seen) bool { return s.resets == i+1 })
		w.awaitNext(all)
		all.check(t)
	}
	w.finish(all)
	for _, f := range all {
		require.Equal(t, 4, f.now().resets, "each life ends once")
	}
	for _, f := range late {
		require.Equal(t, 1, f.now().resets, "they knew of one life that ended")
	}
	late.check(t)
}

// evict takes the raffle's key away, as a Redis does that is full.
func evict(t *testing.T, client *redis.Client) {
	t.Helper()
	keys, err := client.Keys(t.Context(), "*log:{"+string(raffle)+"}*").Result()
	require.NoError(t, err)
	require.NotEmpty(t, keys)
	require.NoError(t, client.Del(t.Context(), keys...).Err())
}

// awaitNext waits until everybody has a value, and news, of after this call.
func (w *show) awaitNext(all subscribers) {
	value, report := int(w.value.Load()), int(w.report.Load())
	all.await(w.stage.t, "at values and news of now", func(s seen) bool { return s.last > value && s.news > report })
}

// awaitNews waits until everybody has news of after this call.
func (w *show) awaitNews(crowds ...subscribers) {
	report := int(w.report.Load())
	for _, all := range crowds {
		all.await(w.stage.t, "at news of now", func(s seen) bool { return s.news > report })
	}
}

// joinWithoutRedis has somebody come while Redis is away: they are live without
// it, and know that the raffle waits.
func (s *stage) joinWithoutRedis() subscribers {
	s.t.Helper()
	late := subscribe(s.t, 2, s.addrs(), nil, raffle, news)
	for _, f := range late {
		require.Equal(s.t, `{"waiting":["raffle:1"]}`, f.now().readies[0])
	}
	return late
}

// TestRaffleOutlivesAFailOver: the replica that is promoted lacks values that
// subscribers have had already.
func TestRaffleOutlivesAFailOver(t *testing.T) {
	master := testenv.Redis(t)
	link := testenv.Proxy(t, master.Addr)
	host, port, _ := strings.Cut(link.Addr, ":")
	replica := testenv.Redis(t, "--replicaof", host, port)
	sentinel := testenv.Sentinel(t, master.Addr)
	s := newStage(t, "redis+sentinel://"+sentinel+"/main")
	all := subscribe(t, faultSubscribers, s.addrs(), nil, raffle, news)
	w := s.begin(nil)
	all.await(t, "at the first news", func(s seen) bool { return s.first == 1 })
	w.awaitNext(all)

	sentinels := redis.NewSentinelClient(&redis.Options{Addr: sentinel})
	defer sentinels.Close()
	require.Eventually(t, func() bool {
		known, err := sentinels.Replicas(t.Context(), "main").Result()
		info, err2 := replica.Client().Info(t.Context(), "replication").Result()
		return err == nil && err2 == nil && len(known) == 1 && strings.Contains(info, "master_link_status:up")
	}, patience, 50*time.Millisecond, "the sentinel knows of the replica")
	link.Stall() // from now on the replica lags
	w.awaitNext(all)
	master.Kill()
	require.Eventually(t, func() bool {
		// It is refused while one is under way, or no replica is found fit yet.
		_ = sentinels.Failover(context.Background(), "main").Err()
		info, err := replica.Client().Info(t.Context(), "replication").Result()
		return err == nil && strings.Contains(info, "role:master")
	}, patience, 200*time.Millisecond)

	all.await(t, "told of the fail-over", func(s seen) bool { return s.resets == 1 })
	w.awaitNext(all)
	w.finish(all)
	for _, f := range all {
		require.Equal(t, 1, f.now().resets)
	}
}
