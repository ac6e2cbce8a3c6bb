package kept

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
)

//go:embed check.lua
var checkSource string

var checkScript = newScript(checkSource)

// ErrEvicts says that Redis takes channels away when it is full.
var ErrEvicts = errors.New("Redis evicts kept channels when its memory is full")

// Check tries on every master what the scripts do, and leaves nothing. It returns an
// error that wraps fanout.ErrUnfit, fanout.ErrAccountRefused or ErrEvicts, each with a
// sentence for an operator, or another one if Redis can't be asked.
func (r *Redis) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	names, err := r.onEachMaster(ctx)
	if err != nil {
		return err
	}
	var calls []call
	for _, name := range names {
		classic, sharded := r.cfg.Names(ctx, name)
		calls = append(calls, call{keys: []string{r.streamKey(name), r.cfg.Prefix + "key:{" + string(name) + "}"}, args: []any{classic, sharded}})
	}
	for _, a := range checkScript.run(ctx, r.client, calls) {
		said := texts(a.values)
		switch {
		case a.err != nil && redis.HasErrorPrefix(a.err, "ERR"):
			return fmt.Errorf("%w: its scripts can't keep channels: %w", fanout.ErrUnfit, a.err)
		case a.err != nil:
			return fanout.Judged(a.err, "EVAL and EVALSHA with keys of "+r.cfg.Prefix+"*")
		case len(said) != 3:
			return errAnswer
		case said[2] != "":
			return fmt.Errorf("%w: scripts may not %s", fanout.ErrUnfit, said[2])
		case said[1] != "0" && said[0] != "" && said[0] != "noeviction":
			return fmt.Errorf("%w: maxmemory-policy is %s, want noeviction", ErrEvicts, said[0])
		}
	}
	return nil
}

// onEachMaster makes names that no channel has, one for each master.
func (r *Redis) onEachMaster(ctx context.Context) (names []event.Channel, err error) {
	cluster, ok := r.client.(*redis.ClusterClient)
	if !ok {
		return []event.Channel{"!check"}, nil
	}
	masters, err := r.masters(ctx)
	seen := make(map[string]bool)
	const tries = 1000 // a master with few slots may be left out
	for n := 0; err == nil && n < tries && len(seen) < len(masters); n++ {
		name := event.Channel("!check" + strconv.Itoa(n))
		var node *redis.Client
		if node, err = cluster.MasterForKey(ctx, r.streamKey(name)); err == nil && !seen[node.Options().Addr] {
			seen[node.Options().Addr] = true
			names = append(names, name)
		}
	}
	return names, err
}
