package fanout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/bellhop/bellhop/event"
)

// Redis is a bus over Redis Pub/Sub, on one server, behind Sentinel or on a
// Cluster. It uses classic channels; on a Cluster every node hears of every
// message.
type Redis struct {
	client redis.UniversalClient
	cfg    Config
}

// NewRedis makes a bus over a client of OpenRedis, which stays the caller's to
// close, after all subscribers.
func NewRedis(client redis.UniversalClient, cfg Config) *Redis {
	return &Redis{client: client, cfg: cfg.withDefaults()}
}

// Publish sends the messages in one pipeline. On a Cluster there is one for each
// node, all of a channel's messages go through the same, so that they keep their
// order, and receivers are unknown: PUBLISH counts only the subscribers at the node
// that it reached.
func (b *Redis) Publish(ctx context.Context, messages []Message) ([]int, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, b.cfg.PublishTimeout)
	defer cancel()
	receivers := slices.Repeat([]int{-1}, len(messages))
	groups, err := b.groups(ctx, messages)
	if err != nil {
		return receivers, fmt.Errorf("publish: %w", err)
	}
	// All at the same time: a node that hangs would use up the others' timeout.
	failed := make([]error, len(groups))
	var sending sync.WaitGroup
	for i, g := range groups {
		sending.Go(func() { failed[i] = b.send(ctx, g, messages, receivers) })
	}
	sending.Wait()
	if err := errors.Join(failed...); err != nil {
		return receivers, fmt.Errorf("publish: %w", err)
	}
	return receivers, nil
}

// send publishes a group, and fills in its part of receivers if they are counted.
func (b *Redis) send(ctx context.Context, g *group, messages []Message, receivers []int) error {
	pipe := g.client.Pipeline()
	sent := make([]*redis.IntCmd, len(g.messages))
	for i, at := range g.messages {
		m := &messages[at]
		wire := appendWire(make([]byte, 0, wireFixed+len(m.Epoch)+len(m.Frame)), m, b.cfg.MaxFrame)
		sent[i] = pipe.Publish(ctx, b.cfg.Prefix+string(m.Channel), wire)
	}
	_, err := pipe.Exec(ctx)
	for i, cmd := range sent {
		if g.client == b.client && cmd.Err() == nil { // and no node of a Cluster
			receivers[g.messages[i]] = int(cmd.Val())
		}
	}
	return err
}

// group is what goes to one server.
type group struct {
	client   redis.Cmdable
	messages []int // indexes
}

func (b *Redis) groups(ctx context.Context, messages []Message) ([]*group, error) {
	cluster, clustered := b.client.(*redis.ClusterClient)
	var groups []*group
	for i := range messages {
		var to redis.Cmdable = b.client
		if clustered {
			node, err := cluster.MasterForKey(ctx, b.cfg.Prefix+string(messages[i].Channel))
			if err != nil {
				return nil, err
			}
			to = node
		}
		// A Cluster has few nodes: looking through them takes no time.
		at := slices.IndexFunc(groups, func(g *group) bool { return g.client == to })
		if at < 0 {
			at = len(groups)
			groups = append(groups, &group{client: to, messages: make([]int, 0, len(messages))})
		}
		groups[at].messages = append(groups[at].messages, i)
	}
	return groups, nil
}

// Subscriber makes a subscriber for h and has it connect.
func (b *Redis) Subscriber(h Handler) Subscriber { return newRedisSubscriber(b.client, h, b.cfg) }

// channel is what is published under a name of Redis.
func (c *Config) channel(name string) event.Channel {
	return event.Channel(name[min(len(c.Prefix), len(name)):])
}

var _ Bus = (*Redis)(nil)
