package limit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// turnTime is about how long one round of settling takes at most, and one of
	// writing: a lease is to be renewed as well.
	turnTime = 500 * time.Millisecond
	// resignTime is the same of what a member writes at its end.
	resignTime = 3 * time.Second
)

// keep renews the lease and writes what changed, until ctx ends.
func (r *Redis) keep(ctx context.Context) {
	renew, flush := time.NewTicker(renewEvery), time.NewTimer(flushEvery)
	defer renew.Stop()
	defer flush.Stop()
	// flush runs only while there is something to write: it would be what wakes an
	// idle gateway most.
	running := true
	told := time.Now()
	run := func() {
		if running = !r.idle(); running {
			flush.Reset(flushEvery)
		}
	}
	for {
		r.renewInTurn(ctx)
		if time.Since(told) > r.cfg.keep/2 {
			told = time.Now()
			r.tellAll()
		}
		if !running {
			run()
		}
		for again := true; again; {
			select {
			case <-renew.C:
				again = false
			case <-r.work:
				if !running {
					run()
				}
			case <-flush.C:
				r.settle(ctx)
				r.flush(ctx, turnTime)
				run()
			case <-ctx.Done():
				r.resign(context.WithoutCancel(ctx))
				return
			}
		}
	}
}

func (r *Redis) renewInTurn(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := r.renew(ctx); err != nil {
		// Acquire says it in the log, where it matters.
		r.cfg.Logger.Debug("the lease of this gateway was not renewed", "error", err)
	}
}

// renew renews the lease and reads who is alive. A Redis that does not know this
// member has lost its memory, or took it for dead: it is to be told everything
// again.
func (r *Redis) renew(ctx context.Context) error {
	answer, err := renewScript.Run(ctx, r.client, []string{r.membersKey()}, r.id, lease.Milliseconds(), (2 * renewEvery).Milliseconds()).StringSlice()
	if err != nil {
		return fmt.Errorf("renew the lease: %w", err)
	}
	live := make([]any, 0, len(answer))
	for _, member := range answer[2:] {
		live = append(live, member)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live, r.complete = live, answer[1] == "1"
	if known := answer[0] == "1"; !known {
		maps.Copy(r.dirty, r.users)
		// Others may have been let in as if these streams were not there.
		for user := range r.users {
			r.suspect(user)
		}
	}
	return nil
}

// tellAll has all counts written anew: Redis forgets those of which nobody spoke for
// long, and streams may be open for longer.
func (r *Redis) tellAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.Copy(r.dirty, r.users)
}

// flush writes the counts that changed, in pipelines, until one fails or the time
// is up.
func (r *Redis) flush(ctx context.Context, most time.Duration) {
	for began := time.Now(); time.Since(began) < most; {
		told := make(chan struct{})
		batch := r.take(told)
		if len(batch) == 0 {
			return
		}
		err := r.write(ctx, batch)
		r.mu.Lock()
		for user, u := range batch {
			if err != nil {
				r.dirty[user] = u
			}
			u.told = nil
			u.waiting--
			r.forget(user, u)
		}
		if err != nil && ctx.Err() == nil {
			r.unanswered(err)
		}
		r.mu.Unlock()
		close(told)
		if err != nil {
			return
		}
	}
}

// idle tells whether there is nothing to write or to settle.
func (r *Redis) idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.dirty) == 0 && len(r.doubt) == 0
}

// soon has what changed written soon. It does not block.
func (r *Redis) soon() {
	select {
	case r.work <- struct{}{}:
	default:
	}
}

// take returns users whose copy is to be written, and marks them as being told. One
// that somebody asks about at the moment has its turn later.
func (r *Redis) take(told chan struct{}) map[string]*userCount {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Now().Before(r.resume) {
		return nil
	}
	batch := make(map[string]*userCount)
	for user, u := range r.dirty {
		if len(batch) == flushSize {
			break
		}
		if !u.tell(told) {
			continue
		}
		u.waiting++
		delete(r.dirty, user)
		batch[user] = u
	}
	if len(r.dirty) == 0 && len(batch) > 0 {
		// A map keeps the room that it once needed, as in a storm of clients that
		// was too much for Redis.
		r.dirty = make(map[string]*userCount)
	}
	return batch
}

func (r *Redis) write(ctx context.Context, batch map[string]*userCount) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	counts := make(map[string]int, len(batch))
	r.mu.Lock()
	for user, u := range batch {
		counts[user] = int(u.open) - r.ending[user]
	}
	r.mu.Unlock()
	_, err := r.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for user, open := range counts {
			if open <= 0 {
				pipe.HDel(ctx, r.key(user), r.id)
				continue
			}
			pipe.HSet(ctx, r.key(user), r.id, open)
			pipe.PExpire(ctx, r.key(user), r.cfg.keep)
		}
		return nil
	})
	return err
}

// resign gives everything back, so that nobody needs to wait for the lease's end.
func (r *Redis) resign(ctx context.Context) {
	r.mu.Lock()
	for user, u := range r.users {
		u.open = 0
		r.dirty[user] = u
	}
	r.resume = time.Time{} // there is no later
	r.mu.Unlock()
	r.flush(ctx, resignTime)
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	// An error means that it ends by itself.
	_ = r.client.HDel(ctx, r.membersKey(), r.id).Err()
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
