package limit

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed renew.lua
var renewSource string

var renewScript = redis.NewScript(renewSource)

const (
	// lease is how long a member that was killed is taken for alive; together
	// with renewEvery, after which the others know, it is below 10 s.
	lease      = 5 * time.Second
	renewEvery = 1500 * time.Millisecond
	// resignTime is about how long a member writes at its end.
	resignTime = 3 * time.Second
)

// keepLease renews the lease until ctx ends.
func (r *Redis) keepLease(ctx context.Context) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	told := time.Now()
	for {
		bounded, cancel := context.WithTimeout(ctx, time.Second)
		if err := r.renew(bounded); err != nil {
			// Acquire says it in the log, where it matters.
			r.cfg.Logger.Debug("the lease of this gateway was not renewed", "error", err)
		}
		cancel()
		if time.Since(told) > r.cfg.keep/2 {
			// Redis forgets counts of which nobody spoke for long, and streams may be open
			// for longer.
			told = time.Now()
			r.tellAll(false)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// renew renews the lease and reads who is alive. A Redis that does not know this
// member has lost its memory, or took it for dead: it is to be told everything
// again, and others may have been let in as if the streams here were not there.
func (r *Redis) renew(ctx context.Context) error {
	answer, err := renewScript.Run(ctx, r.client, []string{r.membersKey()}, r.cfg.ID, lease.Milliseconds(), (2 * renewEvery).Milliseconds()).StringSlice()
	if err != nil {
		return fmt.Errorf("renew the lease: %w", err)
	}
	live := make([]any, 0, len(answer))
	for _, member := range answer[2:] {
		live = append(live, member)
	}
	r.mu.Lock()
	r.live, r.complete = live, answer[1] == "1"
	r.mu.Unlock()
	if known := answer[0] == "1"; !known {
		r.tellAll(true)
	}
	return nil
}

// tellAll has all counts written anew.
func (r *Redis) tellAll(settle bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for user := range r.users {
		r.tell(user, settle)
	}
}

// resign gives everything back, so that nobody needs to wait for the lease's end.
func (r *Redis) resign() {
	r.tellAll(false)
	r.mu.Lock()
	clear(r.users)
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), resignTime)
	defer cancel()
	for r.trip(ctx, r.take(&r.news, newsSize), newsTime) {
	}
	ctx, cancel = context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	// An error means that it ends by itself.
	_ = r.client.HDel(ctx, r.membersKey(), r.cfg.ID).Err()
}

// Members are who counts streams in a fleet, or did so until a lease ago.
func Members(ctx context.Context, client redis.Cmdable) ([]string, error) {
	time, err := client.Time(ctx).Result()
	if err != nil {
		return nil, fmt.Errorf("the time of Redis: %w", err)
	}
	leases, err := client.HGetAll(ctx, defaultPrefix+membersHash).Result()
	if err != nil {
		return nil, fmt.Errorf("leases: %w", err)
	}
	delete(leases, "since")
	var members []string
	for member, ends := range leases {
		if n, err := strconv.ParseInt(ends, 10, 64); err == nil && n > time.UnixMilli() {
			members = append(members, member)
		}
	}
	slices.Sort(members)
	return members, nil
}
