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
	of      int // which of the messages it is
	name    string
	wire    []byte
	sharded bool
	answer  *redis.IntCmd // how many received it
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
	if !clustered {
		return (&group{client: b.client, messages: left}).send(ctx)
	}
	for try := 0; ; try++ {
		groups, err := groupsOf(ctx, cluster, left)
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
		if err = errors.Join(failed...); err == nil {
			return nil
		}
		left = slices.DeleteFunc(left, func(o *outgoing) bool { return o.answer.Err() == nil })
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
	for _, o := range g.messages {
		if o.sharded {
			o.answer = pipe.SPublish(ctx, o.name, o.wire)
		} else {
			o.answer = pipe.Publish(ctx, o.name, o.wire)
		}
	}
	_, err := pipe.Exec(ctx)
	return err
}

// groupsOf sorts out by masters, which keeps the order of each channel's messages.
func groupsOf(ctx context.Context, cluster *redis.ClusterClient, messages []*outgoing) ([]*group, error) {
	var groups []*group
	for _, o := range messages {
		to, err := cluster.MasterForKey(ctx, o.name)
		if err != nil {
			return nil, err
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
