package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
)

// Errors of a Queue.
var (
	// ErrFull: as many events wait as the queue holds.
	ErrFull = errors.New("client: the queue is full")
	// ErrClosed: the queue takes no more events, or was closed before it could
	// publish this one.
	ErrClosed = errors.New("client: the queue is closed")
)

// DefaultCapacity is that of a Queue whose QueueConfig says nothing.
const DefaultCapacity = 1024

// QueueConfig says how a Queue works.
type QueueConfig struct {
	// Capacity is how many events may wait; zero means DefaultCapacity. With
	// those that are being sent, at most 500 more, it bounds the memory: an
	// event has up to 64 KiB of data.
	Capacity int
	// Done is told what became of each event, once, in the order in which they
	// were added. The event has the idempotency key that it was sent with, and
	// its data as the json.RawMessage that was sent. Done runs on the queue's
	// goroutine: what it does slowly, the queue waits for. It must not call the
	// queue's Add or Close, which would wait for it. Nil means that nobody wants
	// to know.
	Done func(e Event, r Receipt, err error)
}

// Queue publishes events in the background, in batches: while one is on its way
// the next one fills, so that a quiet service waits for nothing and a busy one
// sends few requests. Events are sent in the order in which they were added, by
// one goroutine. What fails for now is repeated as PublishBatch does it, and
// those behind it wait.
//
// A queue lives in memory: what it holds when the process dies was not
// published. A service that must not lose an event publishes it from a table
// (an outbox), or by Publish.
//
// Its methods are safe for concurrent use. It must be closed.
type Queue struct {
	client *Client
	done   func(Event, Receipt, error)
	items  chan item

	mu     sync.RWMutex // guards closing of items against adding to it
	closed chan struct{}
	once   sync.Once

	ctx     context.Context // of what is being sent
	cancel  context.CancelFunc
	stopped chan struct{}
	failed  int // events that were not published; read after stopped
}

// NewQueue starts a queue.
func (c *Client) NewQueue(cfg QueueConfig) *Queue {
	q := &Queue{
		client:  c,
		done:    cfg.Done,
		items:   make(chan item, max(cmp.Or(cfg.Capacity, DefaultCapacity), 1)),
		closed:  make(chan struct{}),
		stopped: make(chan struct{}),
	}
	q.ctx, q.cancel = context.WithCancel(context.Background())
	go q.send()
	return q
}

// Add adds an event, and waits for room while the queue is full, until ctx ends
// or the queue is closed. The event's data is encoded here: it may be changed
// afterwards, and an event that can't be sent is refused at once, as by Publish.
func (q *Queue) Add(ctx context.Context, e Event) error {
	return q.add(ctx, e, true)
}

// TryAdd is Add for those who must not wait: it returns ErrFull instead.
func (q *Queue) TryAdd(e Event) error {
	return q.add(context.Background(), e, false)
}

func (q *Queue) add(ctx context.Context, e Event, wait bool) error {
	it, err := prepare(e)
	if err != nil {
		return err
	}
	q.mu.RLock()
	defer q.mu.RUnlock()
	select {
	case <-q.closed:
		return ErrClosed
	default:
	}
	select {
	case q.items <- it:
		return nil
	default:
		if !wait {
			return ErrFull
		}
	}
	select {
	case q.items <- it:
		return nil
	case <-q.closed:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("client: wait for room in the queue: %w", ctx.Err())
	}
}

// Close takes no more events and waits until those that it has are published. If
// ctx ends first, it gives up: what is left is reported to Done with ErrClosed,
// and what was on its way with the end of its request. It returns an error if
// any event since the queue began was not published. It may be called again.
func (q *Queue) Close(ctx context.Context) error {
	q.once.Do(func() {
		close(q.closed) // those who wait for room leave, and free the lock
		q.mu.Lock()
		close(q.items)
		q.mu.Unlock()
	})
	select {
	case <-q.stopped:
	case <-ctx.Done():
		q.cancel()
		<-q.stopped
	}
	q.cancel()
	if q.failed > 0 {
		return fmt.Errorf("client: the queue could not publish %d events", q.failed)
	}
	return nil
}

// send publishes what is added until the queue is closed and empty.
func (q *Queue) send() {
	defer close(q.stopped)
	for first := range q.items {
		batch := q.nextBatch(first)
		if q.ctx.Err() != nil {
			for _, it := range batch {
				q.report(it, Result{Err: ErrClosed})
			}
			continue
		}
		results := make([]Result, len(batch))
		jobs := make([]*job, len(batch))
		for i := range batch {
			jobs[i] = &job{item: batch[i], result: &results[i]}
		}
		q.client.publishJobs(q.ctx, jobs)
		for i, r := range results {
			q.report(batch[i], r)
		}
	}
}

// nextBatch takes what waits already, up to the size of a request. It does not wait
// for more: under load more is there.
func (q *Queue) nextBatch(first item) []item {
	batch := []item{first}
	for len(batch) < maxBatch {
		select {
		case next, open := <-q.items:
			if !open {
				return batch
			}
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

func (q *Queue) report(it item, r Result) {
	if r.Err != nil {
		q.failed++
	}
	if q.done != nil {
		q.done(it.event, r.Receipt, r.Err)
	}
}
