package limit

import (
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed acquire.lua
var acquireSource string

//go:embed renew.lua
var renewSource string

//go:embed settle.lua
var settleSource string

var (
	acquireScript = redis.NewScript(acquireSource)
	renewScript   = redis.NewScript(renewSource)
	settleScript  = redis.NewScript(settleSource)
)

// How a member behaves towards Redis.
const (
	// giveUp is how long Redis is not asked after it gave no answer: those who
	// come in the meantime need not wait for the same experience.
	giveUp = time.Second
	// lease is how long a member that was killed is taken for alive; together
	// with renewEvery, after which the others know, it is below 10 s.
	lease      = 5 * time.Second
	renewEvery = 1500 * time.Millisecond
	// flushEvery is how long a place that was given back stays taken elsewhere.
	flushEvery = 50 * time.Millisecond
	// flushSize is how many users are written in one pipeline.
	flushSize = 500
	// keepUser is how long a user's counts outlive the last word of a member about
	// them. Each says all of its own twice as often.
	keepUser = 25 * time.Hour
)

// defaultPrefix begins the names of keys.
const defaultPrefix = "bellhop:limit:"

// RedisConfig configures a member.
type RedisConfig struct {
	// ID is the member's, and no other's. Default: it is drawn at random.
	ID string
	// Prefix begins the names of all keys. Default: "bellhop:limit:".
	Prefix string
	// Timeout is how long a stream waits for Redis' word. Default: 50 ms.
	Timeout time.Duration
	// Excess is asked to end so many of a user's streams here, of which there
	// turn out to be too many in the fleet: some were let in while Redis could
	// not be asked, or did not know all. It returns how many it ends; it must not
	// block, and not call Acquire. Default: they stay.
	Excess func(user string, streams int) (ended int)
	// Logger hears when Redis can't be asked, and when it can again. Default:
	// slog.Default().
	Logger *slog.Logger

	keep time.Duration // keepUser but in tests
}

// Redis is a member of a fleet that shares a Redis. For each user there is one
// hash with the count of every member, so that a script needs a single key and
// works on a Cluster; who is alive stands in another hash, of which every member
// keeps a copy. A member's counts in Redis are copies of those in its memory,
// written as they are and never added up, so that nothing that gets lost on the
// way, not even all of Redis, makes them wrong for long.
type Redis struct {
	client    redis.Cmdable // not the UniversalClient, which takes a second to compile
	cfg       RedisConfig
	id        string
	stop      context.CancelFunc
	done      sync.WaitGroup
	work      chan struct{} // there is something to write, or to settle
	pipeliner *pipeliner

	mu     sync.Mutex // guards what follows and userCounts; taken after userCount.wire
	users  map[string]*userCount
	dirty  map[string]*userCount // whose copy is not up to date
	live   []any                 // the members, as arguments of the script
	resume time.Time             // before it, Redis is not asked
	alone  bool                  // the last question had no answer
	most   int                   // how many streams a user may have, as Acquire was told last
	doubt  map[string]struct{}   // whose streams Redis may not have known when it was asked
	ending map[string]int        // streams that Excess ends, and that are open still

	// complete: who is not among live is dead. It is not for a moment after
	// Redis lost its memory, when the members have yet to come back.
	complete bool
}

// NewRedis joins the fleet. Redis may be away; the client stays the caller's to
// close, after the member.
func NewRedis(client redis.Cmdable, cfg RedisConfig) *Redis {
	if cfg.Prefix == "" {
		cfg.Prefix = defaultPrefix
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 50 * time.Millisecond
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.keep == 0 {
		cfg.keep = keepUser
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &Redis{
		client: client, cfg: cfg, id: cmp.Or(cfg.ID, rand.Text()), stop: cancel, work: make(chan struct{}, 1),
		users: make(map[string]*userCount), dirty: make(map[string]*userCount),
		doubt: make(map[string]struct{}), ending: make(map[string]int),
	}
	r.pipeliner = newPipeliner(client, cfg.Timeout)
	r.done.Go(func() { r.keep(ctx) })
	r.done.Go(func() { r.pipeliner.serve(ctx) })
	return r
}

// Acquire implements Counter.
func (r *Redis) Acquire(ctx context.Context, user string, most int) bool {
	u := r.use(user)
	defer r.unuse(user, u)
	u.wire.Lock()
	defer u.wire.Unlock()
	// A client that leaves does not end the question: the answer would be missing,
	// and whoever connects and leaves all the time would have every gateway count
	// alone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.Timeout)
	defer cancel()
	r.mu.Lock()
	r.most = most
	full, ask, told := int(u.open) >= most, !time.Now().Before(r.resume), u.told
	r.mu.Unlock()
	if full {
		return false
	}
	if ask && told != nil {
		select {
		case <-told:
		case <-ctx.Done():
			ask = false // somebody waits for Redis' word already
		}
	}
	taken, err := true, error(nil) // by this member's own count
	if ask {
		taken, err = r.ask(ctx, user, u, most)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err != nil:
		r.unanswered(err)
	case ask && r.alone:
		r.alone = false
		r.cfg.Logger.Info("people's streams are counted over the fleet again")
	}
	if !ask || err != nil {
		r.dirty[user] = u
		r.soon()
		r.suspect(user)
	}
	if taken {
		u.open++
	}
	return taken
}

// ask puts the question to Redis. Without an answer, the place is taken.
func (r *Redis) ask(ctx context.Context, user string, u *userCount, most int) (taken bool, err error) {
	r.mu.Lock()
	open := int(u.open) - r.ending[user]
	r.mu.Unlock()
	answer, err := r.eval(ctx, r.pipeliner.run, acquireScript, user, open, most)
	return answer == 1 || err != nil, err
}

// unanswered is called when Redis gave no answer: it is not asked for a while. r.mu
// is held.
func (r *Redis) unanswered(err error) {
	r.resume = time.Now().Add(giveUp)
	if !r.alone {
		r.alone = true
		r.cfg.Logger.Warn("people's streams are counted by each gateway alone", "error", err)
	}
}

// unsure is what the scripts about a user answer if it depends on members that
// are not known here, which may be new or dead.
const unsure = 2

// runner runs a script, in a way.
type runner func(ctx context.Context, script *redis.Script, key string, args ...any) (int, error)

// runAlone is a round trip of its own.
func (r *Redis) runAlone(ctx context.Context, script *redis.Script, key string, args ...any) (int, error) {
	return script.Run(ctx, r.client, []string{key}, args...).Int()
}

// eval runs a script about a user. The answer is unsure only if nobody can know
// yet who is alive.
func (r *Redis) eval(ctx context.Context, run runner, script *redis.Script, user string, open, most int) (answer int, err error) {
	for _, renewed := range []bool{false, true} {
		r.mu.Lock()
		live, sure := r.live, 0
		if renewed && r.complete {
			sure = 1
		}
		r.mu.Unlock()
		args := append([]any{r.id, open, most, r.cfg.keep.Milliseconds(), sure}, live...)
		answer, err = run(ctx, script, r.key(user), args...)
		if err != nil || answer != unsure || renewed {
			return answer, err
		}
		if err := r.renew(ctx); err != nil {
			return 0, err
		}
	}
	return answer, nil
}

// Release implements Counter.
func (r *Redis) Release(user string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if u := r.users[user]; u != nil && u.open > 0 {
		u.open--
		r.dirty[user] = u
		r.soon()
		if r.ending[user] > 1 {
			r.ending[user]--
		} else {
			delete(r.ending, user)
		}
	}
}

// Close implements Counter.
func (r *Redis) Close() error {
	r.stop()
	r.done.Wait()
	return nil
}

func (r *Redis) membersKey() string { return r.cfg.Prefix + membersHash }

// membersHash ends the name of the hash of all members' leases.
const membersHash = "members"

var _ Counter = (*Redis)(nil)
