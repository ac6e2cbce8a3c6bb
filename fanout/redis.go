package fanout

import (
	"context"
	"errors"
	"fmt"
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
	receivers := make([]int, len(messages))
	for i := range receivers {
		receivers[i] = -1
	}
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
func (b *Redis) send(ctx context.Context, g group, messages []Message, receivers []int) error {
	pipe := g.client.Pipeline()
	sent := make([]*redis.IntCmd, len(g.messages))
	for i, at := range g.messages {
		m := &messages[at]
		wire := appendWire(make([]byte, 0, wireFixed+len(m.Epoch)+len(m.Frame)), m, b.cfg.MaxFrame)
		sent[i] = pipe.Publish(ctx, b.cfg.Prefix+string(m.Channel), wire)
	}
	_, err := pipe.Exec(ctx)
	if g.counts {
		for i, cmd := range sent {
			if cmd.Err() == nil {
				receivers[g.messages[i]] = int(cmd.Val())
			}
		}
	}
	return err
}

// group is what goes to one server.
type group struct {
	client   redis.Cmdable
	counts   bool
	messages []int // indexes
}

func (b *Redis) groups(ctx context.Context, messages []Message) ([]group, error) {
	cluster, ok := b.client.(*redis.ClusterClient)
	if !ok {
		all := make([]int, len(messages))
		for i := range all {
			all[i] = i
		}
		return []group{{client: b.client, counts: true, messages: all}}, nil
	}
	var groups []group
	byNode := make(map[*redis.Client]int)
	for i := range messages {
		node, err := cluster.MasterForKey(ctx, b.cfg.Prefix+string(messages[i].Channel))
		if err != nil {
			return nil, err
		}
		at, known := byNode[node]
		if !known {
			at = len(groups)
			byNode[node] = at
			groups = append(groups, group{client: node})
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
