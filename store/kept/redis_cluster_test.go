package kept_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/fanout/fanouttest"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
	"github.com/bellhop/bellhop/store/kept"
)

// meet makes two nodes a Cluster and returns their ids.
func meet(t *testing.T, a, b *testenv.RedisServer) (idA, idB string) {
	t.Helper()
	nodes, err := a.Client().ClusterNodes(t.Context()).Result()
	require.NoError(t, err)
	bus := regexp.MustCompile(`@(\d+)`).FindStringSubmatch(nodes)
	require.Len(t, bus, 2)
	host, port, _ := strings.Cut(a.Addr, ":")
	require.NoError(t, b.Client().Do(t.Context(), "cluster", "meet", host, port, bus[1]).Err())
	var ids []string
	for _, node := range []*testenv.RedisServer{a, b} {
		id, err := node.Client().Do(t.Context(), "cluster", "myid").Text()
		require.NoError(t, err)
		ids = append(ids, id)
	}
	for _, node := range []*testenv.RedisServer{a, b} {
		require.Eventually(t, func() bool {
			nodes, err1 := node.Client().ClusterNodes(t.Context()).Result()
			info, err2 := node.Client().ClusterInfo(t.Context()).Result()
			return err1 == nil && err2 == nil && strings.Contains(info, "cluster_state:ok") &&
				strings.Contains(nodes, ids[0]) && strings.Contains(nodes, ids[1])
		}, waitFor, tick)
	}
	return ids[0], ids[1]
}

// A slot moves to another node, key by key, while events are published: each is
// written once or refused, and readers are told of the new life.
func TestRedisClusterMovesASlot(t *testing.T) {
	t.Parallel()
	from, to := testenv.RedisCluster(t), testenv.RedisClusterNode(t)
	log := kept.NewRedis(open(t, "redis+cluster://"+from.Addr), kept.Config{Logger: quiet()})
	keyed := testEntry("1")
	keyed.Key = &store.Key{Service: "shop", Value: "k"}
	first := log.Append(t.Context(), []store.Entry{keyed})[0]
	require.NoError(t, first.Err)
	idFrom, idTo := meet(t, from, to)
	slot, err := from.Client().ClusterKeySlot(t.Context(), key).Result()
	require.NoError(t, err)
	setSlot := func(node *testenv.RedisServer, args ...any) {
		require.NoError(t, node.Client().Do(t.Context(), append([]any{"cluster", "setslot", slot}, args...)...).Err())
	}
	setSlot(to, "importing", idFrom)
	setSlot(from, "migrating", idTo)
	second := add(t, log, "2")
	require.Equal(t, first.Epoch, second.Epoch, "the channel has not moved yet")

	host, port, _ := strings.Cut(to.Addr, ":")
	require.NoError(t, from.Client().Do(t.Context(), "migrate", host, port, key, 0, 5000).Err())
	split := log.Append(t.Context(), []store.Entry{keyed})[0].Err
	require.ErrorIs(t, split, store.ErrNotWritten, "its record is still there")
	require.ErrorIs(t, split, store.ErrUnavailable)
	third := add(t, log, "3")
	require.Equal(t, []uint64{3}, third.Seqs)
	require.NotEqual(t, first.Epoch, third.Epoch)

	record := from.Client().Keys(t.Context(), "bellhop:key:*").Val()
	require.Len(t, record, 1)
	require.NoError(t, from.Client().Do(t.Context(), "migrate", host, port, record[0], 0, 5000).Err())
	setSlot(to, "node", idTo)
	setSlot(from, "node", idTo)
	fourth := add(t, log, "4")
	require.Equal(t, []uint64{4}, fourth.Seqs)
	require.Equal(t, third.Epoch, fourth.Epoch)
	again := log.Append(t.Context(), []store.Entry{keyed})[0]
	require.NoError(t, again.Err)
	require.True(t, again.Replayed)
	require.Equal(t, first.Seqs, again.Seqs)
	for _, fresh := range []bool{false, true} {
		require.Equal(t, store.KeptHead{Epoch: third.Epoch, Head: store.Head{Channel: topic, Seq: 4, Version: 4}}, head(t, log, fresh))
	}
	pages, err := log.Ranges(t.Context(), []store.Range{{Channel: topic, Limit: 9}})
	require.NoError(t, err)
	for i, e := range pages[0].Events {
		require.Equal(t, strconv.Itoa(i+1), string(e.Data))
	}
	require.Len(t, pages[0].Events, 4)

	brief := kept.NewRedis(open(t, "redis+cluster://"+to.Addr), kept.Config{Logger: quiet(), Retention: func(event.Channel) store.Retention {
		return store.Retention{MaxAge: time.Millisecond}
	}})
	require.Eventually(t, func() bool { // a walk visits both nodes
		var at store.KeptCursor
		for {
			if at, err = brief.Trim(t.Context(), at); err != nil || at == (store.KeptCursor{}) {
				return err == nil && head(t, log, false).Floor == 4
			}
		}
	}, waitFor, tick)
}

// TestAppendIsPublishedBothWays while gateways are replaced that listen to one, and 0
// of the other says nothing.
func TestAppendIsPublishedBothWays(t *testing.T) {
	t.Parallel()
	server := testenv.RedisCluster(t)
	client := open(t, "redis+cluster://"+server.Addr)
	made := func(kind fanout.Pubsub) *fanout.Redis {
		return fanout.NewRedis(client, fanout.Config{Pubsub: kind, Logger: quiet()})
	}
	listen := func(kind fanout.Pubsub) *fanouttest.Recorder {
		r := new(fanouttest.Recorder)
		s := made(kind).Subscriber(r)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		s.Subscribe(topic)
		r.WaitCount(t, fanouttest.Subscribed, topic, 1)
		return r
	}
	log := kept.NewRedis(client, kept.Config{Logger: quiet(), Names: made(fanout.PubsubBoth).Names})
	before := listen(fanout.PubsubClassic)
	require.Equal(t, -1, add(t, log, "1").Receivers)
	after := listen(fanout.PubsubAuto)
	require.Equal(t, 1, add(t, log, "2").Receivers)
	require.NoError(t, log.Purge(t.Context(), topic))
	for r, n := range map[*fanouttest.Recorder]int{before: 3, after: 2} {
		r.WaitCount(t, fanouttest.Message, topic, n)
		require.Len(t, r.Seqs(topic), n)
	}
}
