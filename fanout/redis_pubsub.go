package fanout

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bellhop/bellhop/event"
)

// Pubsub is the kind of Redis Pub/Sub that a bus uses on a Cluster. Elsewhere there
// is but one.
type Pubsub string

const (
	// PubsubAuto is sharded where every node can, and classic where one can't.
	PubsubAuto Pubsub = "auto"
	// PubsubClassic has every node hear of every message.
	PubsubClassic Pubsub = "classic"
	// PubsubSharded has a message go to the master of its channel's slot alone, where
	// the listeners are.
	PubsubSharded Pubsub = "sharded"
	// PubsubBoth listens as auto does, and publishes both ways: for as long as some
	// gateways still listen to the other.
	PubsubBoth Pubsub = "both"
)

// ways are where messages go, and where they are listened for: sharded only means
// there, and classic only too. Both are set only for publishers.
type ways struct{ classic, sharded bool }

// decision is made once, by what the nodes say that can be asked, and holds for the
// life of the process: who listens one way while others publish another hears of
// everything by the log, which is slow, so nobody changes sides alone.
type decision struct {
	mu   sync.Mutex
	made bool
	ways ways
	// Of a failure, who asks in the next moment is told as well: each would wait for
	// it anew, one after the other.
	failed error
	again  time.Time
}

// errUndecided: no node could be asked.
var errUndecided = errors.New("no node of the Cluster says what it can do")

// decide returns the ways. It asks the Cluster if nobody has had an answer yet.
func (b *Redis) decide(ctx context.Context) (ways, error) {
	b.decision.mu.Lock()
	defer b.decision.mu.Unlock()
	d := &b.decision
	if d.made {
		return d.ways, nil
	}
	if time.Now().Before(d.again) {
		return ways{}, d.failed
	}
	cluster, clustered := b.client.(*redis.ClusterClient)
	sharded := clustered && b.cfg.Pubsub == PubsubSharded
	if clustered && (b.cfg.Pubsub == PubsubAuto || b.cfg.Pubsub == PubsubBoth) {
		ctx, cancel := context.WithTimeout(ctx, b.cfg.PublishTimeout)
		defer cancel()
		var err error
		if sharded, err = everyNodeShards(ctx, cluster); err != nil {
			d.failed, d.again = err, time.Now().Add(b.cfg.PublishTimeout)
			return ways{}, err
		}
	}
	d.made = true
	d.ways = ways{classic: !sharded || b.cfg.Pubsub == PubsubBoth, sharded: sharded}
	if clustered {
		b.cfg.Logger.Info("Pub/Sub of the Cluster is chosen", "part", "bus", "sharded", sharded, "setting", string(b.cfg.Pubsub))
	}
	return d.ways, nil
}

// everyNodeShards asks all nodes, replicas too, because they may become masters. Those
// that do not answer are left out: they are the same as the others, or will say so by
// refusing.
func everyNodeShards(ctx context.Context, cluster *redis.ClusterClient) (bool, error) {
	var mu sync.Mutex
	able, unable := 0, 0
	err := cluster.ForEachShard(ctx, func(ctx context.Context, node *redis.Client) error {
		known, err := node.Do(ctx, "command", "info", "ssubscribe", "spublish").Slice()
		if refused := redis.Error(nil); err != nil && !errors.As(err, &refused) {
			return nil // it is away
		}
		mu.Lock()
		defer mu.Unlock()
		if len(known) == 2 && known[0] != nil && known[1] != nil {
			able++
		} else {
			unable++
		}
		return nil
	})
	if err == nil && able+unable == 0 {
		err = errUndecided
	}
	if err != nil {
		return false, fmt.Errorf("choose the Pub/Sub: %w", err)
	}
	return unable == 0, nil
}

// Names are what a channel's messages are published under: by PUBLISH, and by
// SPUBLISH; empty where they are not. The second has the hash slot of all keys with
// the channel in braces.
func (b *Redis) Names(ctx context.Context, ch event.Channel) (classic, sharded string) {
	w, err := b.decide(ctx)
	if err != nil || w.classic {
		classic = b.cfg.name(ch)
	}
	if err == nil && w.sharded {
		sharded = b.cfg.shardName(ch)
	}
	return classic, sharded
}

func (c *Config) name(ch event.Channel) string      { return c.Prefix + string(ch) }
func (c *Config) shardName(ch event.Channel) string { return c.Prefix + "{" + string(ch) + "}" }

// channel is what is published under a name of Redis, of either kind.
func (c *Config) channel(name string) event.Channel {
	name = name[min(len(c.Prefix), len(name)):]
	if n := len(name); n > 1 && name[0] == '{' && name[n-1] == '}' {
		name = name[1 : n-1] // no channel has braces
	}
	return event.Channel(name)
}
