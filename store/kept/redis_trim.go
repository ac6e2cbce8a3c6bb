package kept

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// scanKeys is how many keys of Redis one step of a walk looks at, about: a
// millisecond's work.
const scanKeys = 1000

// Trim implements Log. On a Cluster the walk goes from node to node, by address.
func (r *Redis) Trim(ctx context.Context, from store.KeptCursor) (store.KeptCursor, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	masters, err := r.masters(ctx)
	if err != nil {
		return from, unread("trim", err)
	}
	// The node that the walk stands at, or the one after it, if it is gone.
	at, same := slices.BinarySearchFunc(masters, from.Node, func(m master, addr string) int { return cmp.Compare(m.addr, addr) })
	if !same {
		from.Scan = 0
	}
	if at == len(masters) {
		return store.KeptCursor{}, nil
	}
	keys, scan, err := masters[at].client.Scan(ctx, from.Scan, literal(r.cfg.Prefix)+"log:{*", scanKeys).Result()
	if err == nil {
		err = r.age(ctx, keys)
	}
	switch {
	case err != nil:
		return from, unread("trim", err)
	case scan != 0:
		return store.KeptCursor{Node: masters[at].addr, Scan: scan}, nil
	case at+1 < len(masters):
		return store.KeptCursor{Node: masters[at+1].addr}, nil
	}
	return store.KeptCursor{}, nil
}

// age trims the channels that have these keys.
func (r *Redis) age(ctx context.Context, keys []string) error {
	var calls []call
	for _, key := range keys {
		name, _ := strings.CutPrefix(key, r.cfg.Prefix+"log:{")
		ch, err := event.ParseChannel(strings.TrimSuffix(name, "}"))
		if err != nil {
			continue // somebody else's
		}
		if keep := r.cfg.Retention(ch).MaxAge; keep > 0 {
			calls = append(calls, call{keys: []string{key}, args: []any{keep.Milliseconds()}})
		}
	}
	for some := range slices.Chunk(calls, store.MaxRanges) {
		for i, a := range trimScript.run(ctx, r.client, some) {
			switch refused := redis.Error(nil); {
			case a.err == nil:
			case errors.As(a.err, &refused) && !redis.HasErrorPrefix(a.err, "READONLY"):
				// Something else under such a name must not end the walk for ever.
				r.cfg.Logger.Warn("old events of a channel can't be deleted", "key", some[i].keys[0], "error", a.err)
			default:
				return a.err
			}
		}
	}
	return nil
}

// master is a server that has keys of its own.
type master struct {
	addr   string
	client redis.Cmdable
}

// masters lists them by address; where there is only one it has none.
func (r *Redis) masters(ctx context.Context) ([]master, error) {
	cluster, ok := r.client.(*redis.ClusterClient)
	if !ok {
		return []master{{client: r.client}}, nil
	}
	var mu sync.Mutex
	var masters []master
	err := cluster.ForEachMaster(ctx, func(_ context.Context, c *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		masters = append(masters, master{addr: c.Options().Addr, client: c})
		return nil
	})
	slices.SortFunc(masters, func(a, b master) int { return cmp.Compare(a.addr, b.addr) })
	return masters, err
}

// literal is a pattern of SCAN that matches s.
func literal(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`).Replace(s)
}
