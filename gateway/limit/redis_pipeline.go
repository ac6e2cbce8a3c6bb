package limit

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// askPace is the shortest time between two round trips of questions. The first of
	// a quiet time is put at once; in a rush many share one.
	askPace = 5 * time.Millisecond
	// askSize is how many questions share a round trip at most.
	askSize = 256
)

// pipeliner puts the questions of all who come in as few round trips as there can be. A
// question each is a write, a read and two switches of goroutines for a client. (go-redis
// has an AutoPipeliner, which is experimental as yet.)
type pipeliner struct {
	client  redis.Cmdable
	timeout time.Duration // of a round trip
	kick    chan struct{}

	mu     sync.Mutex
	queue  []*asked
	closed bool
}

// asked is a call of a script that waits for its turn.
type asked struct {
	script *redis.Script
	key    string
	args   []any
	cmd    *redis.Cmd // its answer, once done is closed
	err    error      // of the round trip
	done   chan struct{}
	left   atomic.Bool // nobody waits for the answer any more
}

func newPipeliner(client redis.Cmdable, timeout time.Duration) *pipeliner {
	return &pipeliner{client: client, timeout: timeout, kick: make(chan struct{}, 1)}
}

var errClosed = errors.New("the count of streams was closed")

// run calls a script, together with others. It waits for the answer until ctx ends;
// the script may run all the same if it was under way then.
func (a *pipeliner) run(ctx context.Context, script *redis.Script, key string, args ...any) (int, error) {
	q := &asked{script: script, key: key, args: args, done: make(chan struct{})}
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return 0, errClosed
	}
	a.queue = append(a.queue, q)
	a.mu.Unlock()
	select {
	case a.kick <- struct{}{}:
	default:
	}
	select {
	case <-ctx.Done():
		q.left.Store(true)
		return 0, context.Cause(ctx)
	case <-q.done:
	}
	if q.err != nil {
		return 0, q.err
	}
	answer, err := q.cmd.Int()
	if redis.HasErrorPrefix(err, "NOSCRIPT") { // Redis has forgotten it
		return script.Eval(ctx, a.client, []string{key}, args...).Int()
	}
	return answer, err
}

// serve puts the questions until ctx ends. Who waits then hears so.
func (a *pipeliner) serve(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-a.kick:
		case <-ctx.Done():
			a.close()
			return
		}
		for batch := a.take(); len(batch) > 0; batch = a.take() {
			pause.Reset(askPace)
			a.put(ctx, batch)
			select {
			case <-pause.C:
			case <-ctx.Done(): // what is left is refused above
			}
		}
	}
}

// take returns questions that somebody waits for.
func (a *pipeliner) take() (batch []*asked) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.queue) > 0 && len(batch) < askSize {
		if q := a.queue[0]; !q.left.Load() {
			batch = append(batch, q)
		}
		a.queue = a.queue[1:]
	}
	if len(a.queue) == 0 {
		a.queue = nil
	}
	return batch
}

func (a *pipeliner) put(ctx context.Context, batch []*asked) {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	// Its error is that of one of the commands, and each of them has its own.
	_, err := a.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, q := range batch {
			q.cmd = q.script.EvalSha(ctx, pipe, []string{q.key}, q.args...)
		}
		return nil
	})
	for _, q := range batch {
		if q.cmd == nil { // the pipeline was not even filled
			q.err = err
		}
		close(q.done)
	}
}

func (a *pipeliner) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for _, q := range a.queue {
		q.err = errClosed
		close(q.done)
	}
	a.queue = nil
}
