package limit

import (
	"context"
	_ "embed"
	"errors"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bellhop/bellhop/internal/wait"
)

//go:embed tell.lua
var tellSource string

var tellScript = redis.NewScript(tellSource)

// How a member behaves towards Redis.
const (
	// giveUp is how long Redis is not asked after it gave no answer: those who
	// come in the meantime need not wait for the same experience.
	giveUp = time.Second
	// askPace is the shortest time between two round trips. The first of a quiet time
	// begins at once; in a rush many questions share one, askSize at most.
	askPace = 5 * time.Millisecond
	askSize = 256
	// newsPace is how long a place that was given back stays taken elsewhere, and
	// newsSize of how many users one round trip tells. newsTime bounds it.
	newsPace = 50 * time.Millisecond
	newsSize = 500
	newsTime = time.Second
	// keepUser is how long a user's counts outlive the last word of a member about
	// them. Each says all of its own twice as often.
	keepUser = 25 * time.Hour
)

// topic is a user of whom Redis is to be told.
type topic struct {
	user   string
	asking []*asker // who want a place, first come
	isNews bool     // it is in Redis.news
	// settle: some were let in of whom Redis did not know, or while it did not know
	// all. Those who are too many are to end.
	settle bool

	open   int        // as it is said
	answer *redis.Cmd // how many places there are, or minus the streams to end
}

// errUnsure is the answer that depends on members that are not known here, which may be
// new or dead.
var errUnsure = redis.Nil

// asker waits for a place.
type asker struct {
	done           chan struct{} // closed by who answers
	decided, taken bool
}

// topic returns a user's, and makes it if there is none. r.mu is held.
func (r *Redis) topic(user string) *topic {
	t := r.topics[user]
	if t == nil {
		t = &topic{user: user}
		r.topics[user] = t
	}
	return t
}

// tell has Redis told soon what a user has, and those who are too many ended if it
// may not have known all. It does not block. r.mu is held.
func (r *Redis) tell(user string, settle bool) {
	t := r.topic(user)
	t.settle = t.settle || settle && r.cfg.Excess != nil
	if t.isNews {
		return
	}
	t.isNews = true
	if len(r.news) == 0 {
		r.due = time.Now().Add(newsPace)
		time.AfterFunc(newsPace, r.kick.Raise)
	}
	r.news = append(r.news, t)
}

// talk tells Redis what there is to say until ctx ends. While there is nothing it
// sleeps: it would be what wakes an idle gateway most.
func (r *Redis) talk(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.kick:
		}
		for more := true; more; {
			r.mu.Lock()
			rest := time.Until(r.resume)
			due := time.Until(r.due) <= max(rest, 0)
			r.mu.Unlock()
			if !wait.For(ctx, rest) {
				return
			}
			began := time.Now()
			asked, news := r.take(&r.asked, askSize), []*topic(nil)
			r.trip(ctx, asked, r.cfg.Timeout)
			if due {
				news = r.take(&r.news, newsSize)
				r.trip(ctx, news, newsTime)
			}
			if more = len(asked)+len(news) > 0; more {
				wait.For(ctx, askPace-time.Since(began))
			}
		}
	}
}

// take returns topics of a queue.
func (r *Redis) take(queue *[]*topic, most int) (batch []*topic) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(*queue) > 0 && len(batch) < most {
		if t := (*queue)[0]; r.topics[t.user] == t { // else it was in both
			delete(r.topics, t.user)
			batch = append(batch, t)
		}
		*queue = (*queue)[1:]
	}
	if len(r.topics) == 0 && len(batch) > 0 {
		// They keep the room that they once needed, as in a storm of clients that was
		// too much for Redis.
		r.topics, r.asked, r.news = make(map[string]*topic), nil, nil
	}
	return batch
}

// trip tells Redis of users, and takes its answers over. False: there was nothing to
// tell, or somebody of whom nothing was heard. Members that are not known here, and a
// script that Redis has forgotten, take another round trip.
func (r *Redis) trip(ctx context.Context, batch []*topic, most time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	answered, sure := len(batch) > 0, false
	for again := false; len(batch) > 0; again = true {
		r.say(ctx, batch, again, sure)
		var left []*topic
		for _, t := range batch {
			err := t.answer.Err()
			if !again && (errors.Is(err, errUnsure) || redis.HasErrorPrefix(err, "NOSCRIPT")) {
				left = append(left, t)
				continue
			}
			answered = r.hear(t) && answered
		}
		if batch = left; len(left) > 0 {
			sure = r.renew(ctx) == nil
		}
	}
	return answered
}

// say puts it into one round trip.
func (r *Redis) say(ctx context.Context, batch []*topic, whole, sure bool) {
	r.mu.Lock()
	most, live, sure := r.most, r.live, sure && r.complete
	for _, t := range batch {
		t.open = r.users[t.user].open - r.users[t.user].ending
		t.asking = slices.DeleteFunc(t.asking, func(a *asker) bool { return a.decided })
	}
	r.mu.Unlock()
	// Its error is that of one of the commands, and each of them has its own.
	_, _ = r.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		id, keep := any(r.cfg.ID), any(r.cfg.keep.Milliseconds()) // boxed once for all
		for _, t := range batch {
			key := r.key(t.user)
			switch {
			case len(t.asking) > 0 || t.settle:
				run := tellScript.EvalSha
				if whole {
					run = tellScript.Eval
				}
				args := slices.Concat([]any{id, t.open, len(t.asking), most, keep, t.settle, sure}, live)
				t.answer = run(ctx, pipe, []string{key}, args...)
			case t.open > 0:
				t.answer = pipe.Do(ctx, "hset", key, id, t.open)
				pipe.PExpire(ctx, key, r.cfg.keep)
			default:
				t.answer = pipe.Do(ctx, "hdel", key, id)
			}
		}
		return nil
	})
}

// hear takes an answer over. False: there was none, and Redis is to be told once more.
func (r *Redis) hear(t *topic) bool {
	n, err := t.answer.Int()
	unsure := errors.Is(err, errUnsure) // nobody can know yet who is alive
	heard := err == nil || unsure
	r.mu.Lock()
	if !heard {
		r.unanswered(err)
	} else if len(t.asking) > 0 && r.alone {
		r.alone = false
		r.cfg.Logger.Info("people's streams are counted over the fleet again")
	}
	if !heard || unsure && t.settle {
		r.tell(t.user, t.settle)
	}
	for i, a := range t.asking {
		if a.decided { // it did not wait; what it took is yet to be told
			continue
		}
		if !heard {
			r.decide(t.user, a)
		} else if a.decided = true; i < n {
			a.taken = true
			r.change(t.user, 1, 0)
		}
		close(a.done)
	}
	r.mu.Unlock()
	if n < 0 {
		r.end(t.user, -n)
	}
	return heard
}

// end has streams of a user end that are too many. One member after the other comes to
// this, each with the counts of those before it, so that as many stay as may.
func (r *Redis) end(user string, over int) {
	r.mu.Lock()
	r.change(user, 0, over) // before Excess, since streams may be over before it returns
	r.mu.Unlock()
	ended := r.cfg.Excess(user, over)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.change(user, 0, ended-over)
	r.cfg.Logger.Info("a person has too many streams; some of them end", "user", user, "streams", ended)
	if ended != over { // some are not where Excess finds them yet
		r.tell(user, true)
	}
}
