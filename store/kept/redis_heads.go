package kept

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// Heads implements Log.
func (r *Redis) Heads(ctx context.Context, channels []event.Channel, fresh bool) (_ []store.KeptHead, err error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	client := r.client
	if fresh {
		client, err = anew(client)
		if err != nil {
			return nil, unread("read heads", err)
		}
		defer func() { _ = client.Close() }() // it was only read from
	}
	heads := make([]store.KeptHead, 0, len(channels))
	for some := range slices.Chunk(channels, store.MaxRanges) {
		var calls []call
		for together := range slices.Chunk(some, r.together()) {
			keys := make([]string, len(together))
			for i, ch := range together {
				keys[i] = r.streamKey(ch)
			}
			calls = append(calls, call{keys: keys})
		}
		for i, a := range headsScript.run(ctx, client, calls) {
			states, err := readHeads(a, len(calls[i].keys))
			if err != nil {
				return nil, unread("read heads", err)
			}
			for _, s := range states {
				heads = append(heads, keptHead(&s, channels[len(heads)]))
			}
		}
	}
	return heads, nil
}

// together is how many channels one call reads: on a Cluster each may be
// elsewhere. Many at once cost a quarter less, because the server says but once
// who it is; but nobody else is served meanwhile.
func (r *Redis) together() int {
	if _, cluster := r.client.(*redis.ClusterClient); cluster {
		return 1
	}
	return 50
}

// readHeads reads the answer of heads.lua about n channels.
func readHeads(a reply, n int) ([]store.Snapshot, error) {
	fields := texts(a.values)
	switch {
	case a.err != nil:
		return nil, a.err
	case len(fields) != 3*n:
		return nil, errAnswer
	}
	states := make([]store.Snapshot, n)
	for i := range states {
		var err error
		if states[i], err = readHead(fields[3*i:]); err != nil {
			return nil, err
		}
	}
	return states, nil
}

// anew is a client with the same settings and without connections.
func anew(client redis.UniversalClient) (redis.UniversalClient, error) {
	switch c := client.(type) {
	case *redis.Client:
		// Behind Sentinel its dialler asks for the master every time.
		o := *c.Options()
		o.PoolSize, o.MinIdleConns = 1, 0
		return redis.NewClient(&o), nil
	case *redis.ClusterClient:
		o := *c.Options()
		o.PoolSize, o.MinIdleConns = 1, 0
		return redis.NewClusterClient(&o), nil
	}
	return nil, fmt.Errorf("a client of type %T can't be made anew", client)
}
