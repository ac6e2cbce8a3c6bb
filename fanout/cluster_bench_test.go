package fanout_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/fanout/fanouttest"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// BenchmarkClusterNodes has 2,000 events/s published on channels of one of three
// masters, and measures what each event costs that one, and the others in the middle,
// by the kind of Pub/Sub. Five seconds are -benchtime 10000x.
func BenchmarkClusterNodes(b *testing.B) {
	for _, kind := range []fanout.Pubsub{fanout.PubsubClassic, fanout.PubsubSharded} {
		b.Run(string(kind), func(b *testing.B) { benchmarkNodes(b, kind) })
	}
}

func benchmarkNodes(b *testing.B, kind fanout.Pubsub) {
	b.Helper()
	const group, every = 20, 10 * time.Millisecond
	fleet := testenv.NewRedisFleet(b, 3, false)
	busy := fleet.Nodes()[0]
	client, err := fanout.OpenRedis(fleet.URL())
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, client.Close()) })
	bus := fanout.NewRedis(client, quiet(fanout.Config{Pubsub: kind}))
	h := &counter{acknowledged: make(chan struct{}, group), progress: make(chan struct{}, 1)}
	s := bus.Subscriber(h)
	b.Cleanup(func() { require.NoError(b, s.Close()) })
	messages := make([]fanout.Message, group)
	for i, ch := range channelsOf(b, fleet, busy, group) {
		messages[i] = fanouttest.NewMessage(ch, 1, 200)
		s.Subscribe(ch)
		<-h.acknowledged
	}
	before := make(map[*testenv.RedisServer]time.Duration)
	for _, node := range fleet.Nodes() {
		before[node] = redisTime(b, node)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	b.ResetTimer()
	for sent := 0; sent < b.N; sent += group {
		_, err := bus.Publish(b.Context(), messages)
		require.NoError(b, err)
		<-tick.C
	}
	b.StopTimer()
	var others time.Duration
	for _, node := range fleet.Nodes()[1:] {
		others += redisTime(b, node) - before[node]
	}
	seconds := b.Elapsed().Seconds()
	b.ReportMetric(100*(redisTime(b, busy)-before[busy]).Seconds()/seconds, "busy-node-cpu-%")
	b.ReportMetric(100*others.Seconds()/seconds/float64(len(fleet.Nodes())-1), "other-node-cpu-%")
	b.ReportMetric(float64(h.handled.Load())/seconds, "events/s")
}

// channelsOf makes channels that are a node's by either of their names.
func channelsOf(b *testing.B, fleet *testenv.RedisFleet, node *testenv.RedisServer, n int) (channels []event.Channel) {
	b.Helper()
	here := func(name string) bool {
		slot, err := node.Client().ClusterKeySlot(b.Context(), name).Result()
		require.NoError(b, err)
		for _, r := range fleet.SlotsOf(node) {
			if int(slot) >= r[0] && int(slot) < r[0]+r[1] {
				return true
			}
		}
		return false
	}
	for _, ch := range fanouttest.Channels(b, 50*n) {
		if len(channels) < n && here("bellhop:"+string(ch)) && here("bellhop:{"+string(ch)+"}") {
			channels = append(channels, ch)
		}
	}
	require.Len(b, channels, n)
	return channels
}
