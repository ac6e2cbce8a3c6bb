package limit

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bellhop/bellhop/internal/wait"
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
//
// One goroutine tells Redis everything about users, one round trip after the other:
// what it says of one is never overtaken by what it said before.
type Redis struct {
	client  redis.Cmdable // not the UniversalClient, which takes a second to compile
	cfg     RedisConfig
	stop    context.CancelFunc
	ended   <-chan struct{} // stop was called
	done    sync.WaitGroup
	closing sync.Once
	kick    wait.Signal // there is something to say

	mu     sync.Mutex // guards what follows, and topics
	users  map[string]count
	topics map[string]*topic // of users of whom Redis is to be told
	asked  []*topic          // with somebody who waits, first come
	news   []*topic          // others, which are due all together
	due    time.Time
	resume time.Time // before it, Redis is not asked
	alone  bool      // the last question had no answer
	most   int       // how many streams a user may have, as Acquire was told last
	live   []any     // the members, as arguments of the script

	// complete: who is not among live is dead. It is not for a moment after
	// Redis lost its memory, when the members have yet to come back.
	complete bool
}

// count is what one user has here.
type count struct {
	open   int // streams
	ending int // those of them that Excess ends
}

// NewRedis joins the fleet. Redis may be away; the client stays the caller's to
// close, after the member.
func NewRedis(client redis.Cmdable, cfg RedisConfig) *Redis {
	cfg.ID = cmp.Or(cfg.ID, rand.Text())
	cfg.Prefix = cmp.Or(cfg.Prefix, defaultPrefix)
	cfg.Timeout = cmp.Or(cfg.Timeout, 50*time.Millisecond)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	cfg.keep = cmp.Or(cfg.keep, keepUser)
	ctx, cancel := context.WithCancel(context.Background())
	r := &Redis{
		client: client, cfg: cfg, stop: cancel, ended: ctx.Done(), kick: wait.NewSignal(),
		users: make(map[string]count), topics: make(map[string]*topic),
	}
	r.done.Go(func() { r.keepLease(ctx) })
	r.done.Go(func() { r.talk(ctx) })
	return r
}

// Acquire implements Counter. A client that leaves does not end the question: the
// answer would be missing, and whoever connects and leaves all the time would have
// every gateway count alone.
func (r *Redis) Acquire(_ context.Context, user string, most int) bool {
	a, taken := r.ask(user, most)
	if a == nil {
		return taken
	}
	select {
	case <-a.done:
	case <-time.After(r.cfg.Timeout):
	case <-r.ended:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !a.decided {
		r.unanswered(context.DeadlineExceeded)
		r.decide(user, a)
	}
	return a.taken
}

// ask puts the question of somebody who wants a place. It returns no asker where
// there is no need to ask, or no use.
func (r *Redis) ask(user string, most int) (a *asker, taken bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.most = most
	if r.users[user].open >= most {
		return nil, false
	}
	a = &asker{done: make(chan struct{})}
	if time.Now().Before(r.resume) {
		r.decide(user, a)
		return nil, a.taken
	}
	t := r.topic(user)
	if t.asking = append(t.asking, a); len(t.asking) == 1 {
		r.asked = append(r.asked, t)
		r.kick.Raise()
	}
	return a, false
}

// decide lets somebody in by this member's own count. r.mu is held.
func (r *Redis) decide(user string, a *asker) {
	a.decided, a.taken = true, r.users[user].open < r.most
	if a.taken {
		r.change(user, 1, 0)
	}
	r.tell(user, true)
}

// unanswered is called when Redis gave no answer: it is not asked for a while. r.mu
// is held.
func (r *Redis) unanswered(err error) {
	select {
	case <-r.ended: // who ends asks no more
		return
	default:
	}
	r.resume = time.Now().Add(giveUp)
	if !r.alone {
		r.alone = true
		r.cfg.Logger.Warn("people's streams are counted by each gateway alone", "error", err)
	}
}

// Release implements Counter.
func (r *Redis) Release(user string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.users[user].open > 0 {
		r.change(user, -1, -1)
		r.tell(user, false)
	}
}

// change adds to what a user has, which is never less than nothing. r.mu is held.
func (r *Redis) change(user string, open, ending int) {
	c := r.users[user]
	c.open, c.ending = max(c.open+open, 0), max(c.ending+ending, 0)
	if c.open == 0 {
		delete(r.users, user)
	} else {
		r.users[user] = c
	}
}

// membersHash ends the name of the hash of all members' leases.
const membersHash = "members"

func (r *Redis) membersKey() string { return r.cfg.Prefix + membersHash }

// key is the name of a user's hash. Subjects are names of channels' keys, of
// bounded length and without braces, so they may stand in it as they are.
func (r *Redis) key(user string) string { return r.cfg.Prefix + "user:" + user }

// Close implements Counter.
func (r *Redis) Close() error {
	r.closing.Do(func() {
		r.stop()
		r.done.Wait()
		r.resign()
	})
	return nil
}

var _ Counter = (*Redis)(nil)
