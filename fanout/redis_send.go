package fanout

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"
)

// outgoing is a message on its way to one server.
type outgoing struct {
	of        int // which of the messages it is
	name      string
	wire      []byte
	sharded   bool
	receivers int
	err       error
}

// sendAll sends everything, and what a Cluster refused or did not take once more to
// whom it says to be the master by then: twice is better than not at all, gateways
// leave out what they have.
func (b *Redis) sendAll(ctx context.Context, all []outgoing) error {
	left := make([]*outgoing, len(all))
	for i := range all {
		left[i] = &all[i]
	}
	cluster, clustered := b.client.(*redis.ClusterClient)
	for try := 0; ; try++ {
		groups, err := b.groups(ctx, left)
		if err != nil {
			return err
		}
		// All at the same time: a node that hangs would use up the others' timeout.
		failed := make([]error, len(groups))
		var sending sync.WaitGroup
		for i, g := range groups {
			sending.Go(func() { failed[i] = g.send(ctx) })
		}
		sending.Wait()
		err = errors.Join(failed...)
		if err == nil || !clustered {
			return err
		}
		left = slices.DeleteFunc(left, func(o *outgoing) bool { return o.err == nil })
		if try > 0 || reload(ctx, cluster) != nil {
			cluster.ReloadState(ctx) // for the next ones
			return err
		}
	}
}

// group is what goes to one server.
type group struct {
	client   redis.Cmdable
	messages []*outgoing
}

func (g *group) send(ctx context.Context) error {
	pipe := g.client.Pipeline()
	sent := make([]*redis.IntCmd, len(g.messages))
	for i, o := range g.messages {
		if o.sharded {
			sent[i] = pipe.SPublish(ctx, o.name, o.wire)
		} else {
			sent[i] = pipe.Publish(ctx, o.name, o.wire)
		}
	}
	_, err := pipe.Exec(ctx)
	for i, o := range g.messages {
		o.receivers, o.err = int(sent[i].Val()), sent[i].Err()
	}
	return err
}

func (b *Redis) groups(ctx context.Context, messages []*outgoing) ([]*group, error) {
	cluster, clustered := b.client.(*redis.ClusterClient)
	var groups []*group
	for _, o := range messages {
		var to redis.Cmdable = b.client
		if clustered {
			node, err := cluster.MasterForKey(ctx, o.name)
			if err != nil {
				return nil, err
			}
			to = node
		}
		// A Cluster has few nodes: looking through them takes no time.
		at := slices.IndexFunc(groups, func(g *group) bool { return g.client == to })
		if at < 0 {
			at = len(groups)
			groups = append(groups, &group{client: to, messages: make([]*outgoing, 0, len(messages))})
		}
		groups[at].messages = append(groups[at].messages, o)
	}
	return groups, nil
}

// reload has the client ask the Cluster anew who has which slots.
func reload(ctx context.Context, cluster *redis.ClusterClient) error {
	return cluster.ForEachMaster(ctx, func(context.Context, *redis.Client) error { return nil })
}
