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

// TestShardedOnThreeMasters: the contract holds where channels are at several nodes.
func TestShardedOnThreeMasters(t *testing.T) {
	t.Parallel()
	fleet := testenv.NewRedisFleet(t, 3, false)
	t.Run("suite", func(t *testing.T) {
		fanouttest.Run(t, func(t *testing.T, cfg fanout.Config) fanout.Bus {
			t.Helper()
			return fanout.NewRedis(open(t, fleet.URL()), quiet(cfg))
		})
	})
}

// TestShardedMovesWithItsSlots: listeners are there again, and who publishes finds
// them, after slots went to another master, to a new one, and a fail-over.
func TestShardedMovesWithItsSlots(t *testing.T) {
	t.Parallel()
	fleet := testenv.NewRedisFleet(t, 3, true)
	bus := fanout.NewRedis(open(t, fleet.URL()), quiet(fanout.Config{}))
	r, channels := listen(t, bus, 600)
	requireDelivery(t, bus, r, channels)

	a, b := fleet.Masters()[0], fleet.Masters()[1]
	moved := fleet.SlotsOf(a)[0]
	r.Forget()
	fleet.MoveSlots(a, b, moved[0], 1500)
	requireHeard(t, bus, r, channels)
	added := fleet.AddMaster()
	fleet.MoveSlots(b, added, moved[0], 1500)
	requireHeard(t, bus, r, channels)
	require.Positive(t, subscriptions(t, added))

	a.Kill()
	fleet.WaitReplaced(a)
	requireHeard(t, bus, r, channels)
}

// requireHeard publishes until everything arrives at one listener in one go, and
// nobody is in doubt.
func requireHeard(t *testing.T, bus fanout.Bus, r *fanouttest.Recorder, channels []event.Channel) {
	t.Helper()
	var messages []fanout.Message
	for _, ch := range channels {
		messages = append(messages, fanouttest.NewMessage(ch, 1, 1))
	}
	require.Eventually(t, func() bool {
		receivers, err := bus.Publish(t.Context(), messages)
		if err != nil {
			return false
		}
		for _, n := range receivers {
			if n != 1 {
				return false
			}
		}
		return true
	}, fanouttest.WaitFor, 50*fanouttest.Tick)
	require.Eventually(t, func() bool {
		var last fanouttest.Kind
		for _, c := range r.Calls() {
			if c.Channel == "" {
				last = c.Kind
			}
		}
		return last != fanouttest.Suspect
	}, fanouttest.WaitFor, fanouttest.Tick)
	r.Forget()
	_, err := bus.Publish(t.Context(), messages)
	require.NoError(t, err)
	r.WaitAll(t, fanouttest.Message, channels)
	r.Forget()
}

// subscriptions is how many sharded channels somebody listens to at a node.
func subscriptions(t *testing.T, node *testenv.RedisServer) int {
	t.Helper()
	names, err := node.Client().PubSubShardChannels(t.Context(), "*").Result()
	require.NoError(t, err)
	return len(names)
}

// TestBothWaysReachOldGateways and new ones, each once, and who listens is only said
// to be unknown where an old one might.
func TestBothWaysReachOldGateways(t *testing.T) {
	t.Parallel()
	server := testenv.RedisCluster(t)
	made := func(kind fanout.Pubsub) fanout.Bus {
		return fanout.NewRedis(open(t, "redis+cluster://"+server.Addr), quiet(fanout.Config{Pubsub: kind}))
	}
	before, channels := new(fanouttest.Recorder), fanouttest.Channels(t, 2)
	old := made(fanout.PubsubClassic).Subscriber(before)
	t.Cleanup(func() { require.NoError(t, old.Close()) })
	old.Subscribe(channels...)
	before.WaitAll(t, fanouttest.Subscribed, channels)
	after, both := new(fanouttest.Recorder), made(fanout.PubsubBoth)
	young := both.Subscriber(after)
	t.Cleanup(func() { require.NoError(t, young.Close()) })
	young.Subscribe(channels[0])
	after.WaitCount(t, fanouttest.Subscribed, channels[0], 1)

	receivers, err := both.Publish(t.Context(), []fanout.Message{
		fanouttest.NewMessage(channels[0], 1, 1), fanouttest.NewMessage(channels[1], 1, 1), fanouttest.NewMessage(channels[0], 2, 1),
	})
	require.NoError(t, err)
	require.Equal(t, []int{1, -1, 1}, receivers)
	before.WaitCount(t, fanouttest.Message, channels[0], 2)
	after.WaitCount(t, fanouttest.Message, channels[0], 2)
	require.Equal(t, []uint64{1, 2}, before.Seqs(channels[0]))
	require.Equal(t, []uint64{1, 2}, after.Seqs(channels[0]))
}

// TestAutoIsClassicWhereANodeCannotShard: as on Redis 6, for which a name that the
// server does not know stands in.
func TestAutoIsClassicWhereANodeCannotShard(t *testing.T) {
	t.Parallel()
	old := testenv.RedisCluster(t, "--rename-command", "ssubscribe", "")
	bus := fanout.NewRedis(open(t, "redis+cluster://"+old.Addr), quiet(fanout.Config{}))
	r, channels := listen(t, bus, 2)
	requireDelivery(t, bus, r, channels)
	classic, sharded := bus.Names(t.Context(), "user:1")
	require.Equal(t, "bellhop:user:1", classic)
	require.Empty(t, sharded)
}

// TestShardedNameHasTheSlotOfTheChannelsKeys: a script may publish only where its
// keys are.
func TestShardedNameHasTheSlotOfTheChannelsKeys(t *testing.T) {
	t.Parallel()
	server := testenv.RedisCluster(t)
	_, sharded := fanout.NewRedis(open(t, "redis+cluster://"+server.Addr), quiet(fanout.Config{})).Names(t.Context(), "topic:a")
	require.Equal(t, "bellhop:{topic:a}", sharded)
	name, err1 := server.Client().ClusterKeySlot(t.Context(), sharded).Result()
	key, err2 := server.Client().ClusterKeySlot(t.Context(), "bellhop:log:{topic:a}").Result()
	require.NoError(t, err1)
	require.NoError(t, err2)
	require.Equal(t, key, name)
}

// TestTwentyThousandInboxesAreSpreadOverTheMasters, and each is listened for at one.
func TestTwentyThousandInboxesAreSpreadOverTheMasters(t *testing.T) {
	t.Parallel()
	const inboxes = 20_000
	fleet := testenv.NewRedisFleet(t, 3, false)
	for range 2 { // gateways
		listen(t, fanout.NewRedis(open(t, fleet.URL()), quiet(fanouttest.Steady)), inboxes/2)
	}
	// Masters take subscriptions at their own pace; a probe at each is one of each gateway.
	require.Eventually(t, func() bool {
		sum := 0
		for _, node := range fleet.Masters() {
			sum += subscriptions(t, node)
		}
		return sum == inboxes+2*3
	}, fanouttest.WaitFor, fanouttest.Tick)
	for _, node := range fleet.Masters() {
		here := subscriptions(t, node)
		t.Logf("%d at %s", here, node.Addr)
		require.InDelta(t, inboxes/3, here, inboxes/30)
	}
}

// TestUndecidedClusterIsNotWaitedForByOneAfterTheOther: a hundred events for a frozen
// one take as long as one.
func TestUndecidedClusterIsNotWaitedForByOneAfterTheOther(t *testing.T) {
	t.Parallel()
	server := testenv.RedisCluster(t)
	bus := fanout.NewRedis(open(t, "redis+cluster://"+server.Addr), quiet(fanout.Config{PublishTimeout: 3 * time.Second}))
	server.Freeze()
	began := time.Now()
	for range 100 {
		classic, sharded := bus.Names(t.Context(), "topic:1")
		require.NotEmpty(t, classic)
		require.Empty(t, sharded)
	}
	require.Less(t, time.Since(began), 2*foundWithin)
	server.Thaw()
	require.Eventually(t, func() bool {
		_, sharded := bus.Names(t.Context(), "topic:1")
		return sharded != ""
	}, fanouttest.WaitFor, fanouttest.Tick)
}
