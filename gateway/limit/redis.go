package limit

import (
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
	// keepUser is how long a user's counts outlive the last stream that opened.
	keepUser = 25 * time.Hour
)

// RedisConfig configures a member.
type RedisConfig struct {
	// Prefix begins the names of all keys. Default: "bellhop:limit:".
	Prefix string
	// Timeout is how long a stream waits for Redis' word. Default: 50 ms.
	Timeout time.Duration
	// Excess is asked to end so many of a user's streams here, of which there
	// turn out to be too many in the fleet: some were let in while Redis could
	// not be asked, or did not know all. It returns how many it ends; it must not
	// block, and not call Acquire. Default: they stay.
	Excess func(user string, streams int) (ended int)
	// Logger hears when Redis can't be asked. Default: slog.Default().
	Logger *slog.Logger
}

// Redis is a member of a fleet that shares a Redis. For each user there is one
// hash with the count of every member, so that a script needs a single key and
// works on a Cluster; who is alive stands in another hash, of which every member
// keeps a copy. A member's counts in Redis are copies of those in its memory,
// written as they are and never added up, so that nothing that gets lost on the
// way, not even all of Redis, makes them wrong for long.
type Redis struct {
	client redis.UniversalClient
	cfg    RedisConfig
	id     string
	stop   context.CancelFunc
	done   sync.WaitGroup
	work   chan struct{} // there is something to write, or to settle

	mu     sync.Mutex // guards what follows; taken after userCount.wire
	users  map[string]*userCount
	dirty  map[string]*userCount // whose copy is not up to date
	live   []any                 // the members, as arguments of the script
	resume time.Time             // before it, Redis is not asked
	most   int                   // how many streams a user may have, as Acquire was told last
	doubt  map[string]struct{}   // whose streams Redis may not have known when it was asked
	ending map[string]int        // streams that Excess ends, and that are open still

	// complete: who is not among live is dead. It is not for a moment after
	// Redis lost its memory, when the members have yet to come back.
	complete bool
}

// userCount is what one user has open here.
type userCount struct {
	wire sync.Mutex // held while the user's copy is written

	open    int32 // streams
	waiting int32 // calls that use this value
}

// NewRedis joins the fleet. Redis may be away; the client stays the caller's to
// close, after the member.
func NewRedis(client redis.UniversalClient, cfg RedisConfig) *Redis {
	if cfg.Prefix == "" {
		cfg.Prefix = "bellhop:limit:"
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 50 * time.Millisecond
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &Redis{
		client: client, cfg: cfg, id: rand.Text(), stop: cancel, work: make(chan struct{}, 1),
		users: make(map[string]*userCount), dirty: make(map[string]*userCount),
		doubt: make(map[string]struct{}), ending: make(map[string]int),
	}
	r.done.Go(func() { r.keep(ctx) })
	return r
}

// Acquire implements Counter.
func (r *Redis) Acquire(ctx context.Context, user string, most int) bool {
	u := r.use(user)
	defer r.unuse(user, u)
	u.wire.Lock()
	defer u.wire.Unlock()
	r.mu.Lock()
	r.most = most
	open, ending, away := int(u.open), r.ending[user], time.Now().Before(r.resume)
	r.mu.Unlock()
	if open >= most {
		return false
	}
	taken, err := true, error(nil)
	if !away {
		taken, err = r.ask(ctx, user, open-ending, most)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.resume = time.Now().Add(giveUp)
		r.cfg.Logger.Warn("streams are counted by this gateway alone", "error", err)
	}
	if away || err != nil {
		r.dirty[user] = u
		r.soon()
		taken = true // by this member's own count
		r.suspect(user)
	}
	if taken {
		u.open++
	}
	return taken
}

// ask puts the question to Redis. A client that leaves does not end it: the
// answer would be missing, and whoever connects and leaves all the time would
// have every gateway count alone.
func (r *Redis) ask(ctx context.Context, user string, open, most int) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.Timeout)
	defer cancel()
	answer, err := r.eval(ctx, acquireScript, user, open, most)
	return answer == 1, err
}

// unsure is what the scripts about a user answer if it depends on members that
// are not known here, which may be new or dead.
const unsure = 2

// eval runs a script about a user. The answer is unsure only if nobody can know
// yet who is alive.
func (r *Redis) eval(ctx context.Context, script *redis.Script, user string, open, most int) (answer int, err error) {
	for _, renewed := range []bool{false, true} {
		r.mu.Lock()
		live, sure := r.live, 0
		if renewed && r.complete {
			sure = 1
		}
		r.mu.Unlock()
		args := append([]any{r.id, open, most, keepUser.Milliseconds(), sure}, live...)
		answer, err = script.Run(ctx, r.client, []string{r.key(user)}, args...).Int()
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

func (r *Redis) use(user string) *userCount {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.users[user]
	if u == nil {
		u = new(userCount)
		r.users[user] = u
	}
	u.waiting++
	return u
}

func (r *Redis) unuse(user string, u *userCount) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u.waiting--
	r.forget(user, u)
}

// forget drops a user about whom there is nothing to remember. r.mu is held.
func (r *Redis) forget(user string, u *userCount) {
	if u.open == 0 && u.waiting == 0 && r.dirty[user] == nil {
		delete(r.users, user)
	}
}

// key is the name of a user's hash. Subjects are names of channels' keys, of
// bounded length and without braces, so they may stand in it as they are.
func (r *Redis) key(user string) string { return r.cfg.Prefix + "user:" + user }

func (r *Redis) membersKey() string { return r.cfg.Prefix + "members" }

var _ Counter = (*Redis)(nil)
