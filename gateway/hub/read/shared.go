package read

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/wait"
	"github.com/bellhop/bellhop/store"
)

// SharedMost is how long questions wait to share a query while another one is under
// way. A query that takes longer, as while the primary is frozen, does not delay others
// any more.
const SharedMost = 100 * time.Millisecond

// Shared puts the questions for heads that come from outside a stream: for lists and
// counts, which clients fetch anew after a reset. While one is under way, those who
// ask share the next.
type Shared struct {
	log     func(context.Context, []event.Channel) (store.Heads, error)
	timeout time.Duration
	kick    wait.Signal
	gone    chan struct{} // closed once Run ends

	mu   sync.Mutex
	next *sharedQuestion // nil: nobody waits
}

// sharedQuestion is one question of many. Its channels are added with Shared.mu held;
// the rest is set before done is closed.
type sharedQuestion struct {
	channels []event.Channel
	done     chan struct{}
	answer   store.Heads
	err      error
}

// NewShared makes a reader whose questions log answers, from a query that starts
// after the call. They are put by Run.
func NewShared(log func(context.Context, []event.Channel) (store.Heads, error), timeout time.Duration) *Shared {
	return &Shared{log: log, timeout: timeout, kick: wait.NewSignal(), gone: make(chan struct{})}
}

// Heads answers in the order of channels, from a query that starts after the call. It
// waits until ctx or Run ends; the error then wraps store.ErrUnavailable.
func (s *Shared) Heads(ctx context.Context, channels []event.Channel) (store.Heads, error) {
	q, first := s.join(channels)
	s.kick.Raise()
	var why error
	select {
	case <-q.done:
		if q.err != nil {
			return store.Heads{}, q.err
		}
		answer := q.answer
		answer.Heads = answer.Heads[first : first+len(channels) : first+len(channels)]
		return answer, nil
	case <-ctx.Done():
		why = ctx.Err()
	case <-s.gone:
		why = context.Canceled
	}
	return store.Heads{}, fmt.Errorf("%w: heads: %w", store.ErrUnavailable, why)
}

// join adds channels to the next question, and tells where in it they begin.
func (s *Shared) join(channels []event.Channel) (q *sharedQuestion, first int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next = &sharedQuestion{done: make(chan struct{})}
	}
	first = len(s.next.channels)
	s.next.channels = append(s.next.channels, channels...)
	return s.next, first
}

// Run puts the questions until ctx ends, and returns once none is under way.
func (s *Shared) Run(ctx context.Context) {
	var asking sync.WaitGroup
	defer asking.Wait()
	defer close(s.gone)
	for ctx.Err() == nil {
		s.mu.Lock()
		q := s.next
		s.next = nil
		s.mu.Unlock()
		if q == nil {
			s.kick.Wait(ctx, idle)
			continue
		}
		asking.Go(func() { s.put(ctx, q) })
		patience := time.NewTimer(SharedMost)
		select {
		case <-q.done:
		case <-patience.C:
		case <-ctx.Done():
		}
		patience.Stop()
	}
}

func (s *Shared) put(ctx context.Context, q *sharedQuestion) {
	defer close(q.done)
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	q.answer, q.err = s.log(ctx, q.channels)
}
