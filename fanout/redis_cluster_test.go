package fanout_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/fanout/fanouttest"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// clustered is a bus on a Cluster of which every node hears of every message.
type clustered struct{ *fanout.Redis }

func (clustered) Uncounted() {}

func TestRedisClusterClassic(t *testing.T) {
	t.Parallel()
	server := testenv.RedisCluster(t)
	t.Run("suite", func(t *testing.T) {
		fanouttest.Run(t, func(t *testing.T, cfg fanout.Config) fanout.Bus {
			t.Helper()
			cfg.Pubsub = fanout.PubsubClassic
			return clustered{fanout.NewRedis(open(t, "redis+cluster://"+server.Addr), quiet(cfg))}
		})
	})
}

func TestRedisClusterSharded(t *testing.T) {
	t.Parallel()
	fanouttest.Run(t, func(t *testing.T, cfg fanout.Config) fanout.Bus {
		t.Helper()
		_, proxy := testenv.ProxiedRedisCluster(t)
		return breakable{fanout.NewRedis(open(t, "redis+cluster://"+proxy.Addr), quiet(cfg)), proxy}
	})
}

// A node that hangs takes the messages of its own channels along, and no others.
func TestRedisClusterWithANodeThatHangs(t *testing.T) {
	t.Parallel()
	const slots = 16384
	hangs, works := testenv.Redis(t), testenv.Redis(t)
	cluster := redis.NewClusterClient(&redis.ClusterOptions{
		ClusterSlots: func(context.Context) ([]redis.ClusterSlot, error) {
			return []redis.ClusterSlot{
				{Start: 0, End: slots/2 - 1, Nodes: []redis.ClusterNode{{Addr: hangs.Addr}}},
				{Start: slots / 2, End: slots - 1, Nodes: []redis.ClusterNode{{Addr: works.Addr}}},
			}, nil
		},
		ContextTimeoutEnabled: true,
	})
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	publisher := fanout.NewRedis(cluster, quiet(fanout.Config{Pubsub: fanout.PubsubClassic, PublishTimeout: 3 * time.Second}))
	r, channels := listen(t, fanout.NewRedis(open(t, works.URL()), quiet(fanouttest.Steady)), 20)
	_, port, err := net.SplitHostPort(works.Addr)
	require.NoError(t, err)
	var lost, heard []event.Channel
	for _, ch := range channels {
		node, err := cluster.MasterForKey(t.Context(), fanout.DefaultPrefix+string(ch))
		require.NoError(t, err)
		if strings.HasSuffix(node.Options().Addr, ":"+port) {
			heard = append(heard, ch)
		} else {
			lost = append(lost, ch)
		}
	}
	require.NotEmpty(t, lost)
	require.NotEmpty(t, heard)
	var messages []fanout.Message
	for _, ch := range slices.Concat(lost, heard) {
		messages = append(messages, fanouttest.NewMessage(ch, 1, 1))
	}

	hangs.Freeze()
	asked := time.Now()
	_, err = publisher.Publish(t.Context(), messages)
	require.Error(t, err)
	require.Less(t, time.Since(asked), foundWithin)
	r.WaitAll(t, fanouttest.Message, heard)
	hangs.Thaw()
	r.Forget()
	requireDelivery(t, publisher, r, heard)
	require.Zero(t, r.Count(fanouttest.Message, lost[0]), "published at the other node")
}
