package hub

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// gatherMost is how long those who ask gather while a question is under way. One
// that takes longer, as it does while the primary is frozen, holds nobody up whose
// own will take as long.
const gatherMost = 100 * time.Millisecond

// gatherer puts the questions for heads that come from outside a stream: for lists
// and counts, which clients fetch anew after a reset. While one is under way, those
// who ask share the next.
type gatherer struct {
	h    *Hub
	kick signal
	gone <-chan struct{} // closed with the hub

	mu   sync.Mutex
	next *gathering // nil: nobody waits
}

// gathering is one question of many. Its channels are added with gatherer.mu held;
// the rest is set before done is closed.
type gathering struct {
	channels []event.Channel
	done     chan struct{}
	answer   store.Heads
	err      error
}

func (g *gatherer) init(ctx context.Context, h *Hub) {
	g.h, g.kick, g.gone = h, newSignal(), ctx.Done()
}

// Heads asks the primary for the heads of channels, for whoever needs them outside
// a stream. The answer is in the order of channels, and of a query that started
// after the call: whatever was acknowledged before is in it, unless it is Stale.
// It waits until ctx ends, or the hub is closed; the error then wraps
// store.ErrUnavailable, as it does where the log can't be asked.
func (h *Hub) Heads(ctx context.Context, channels []event.Channel) (store.Heads, error) {
	g := &h.gatherer
	q, first := g.join(channels)
	g.kick.raise()
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
	case <-g.gone:
		why = context.Canceled
	}
	return store.Heads{}, fmt.Errorf("%w: heads: %w", store.ErrUnavailable, why)
}

// join adds channels to the next question, and tells where in it they begin.
func (g *gatherer) join(channels []event.Channel) (q *gathering, first int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.next == nil {
		g.next = &gathering{done: make(chan struct{})}
	}
	first = len(g.next.channels)
	g.next.channels = append(g.next.channels, channels...)
	return g.next, first
}

func (g *gatherer) run(ctx context.Context) {
	for {
		g.mu.Lock()
		q := g.next
		g.next = nil
		g.mu.Unlock()
		if q == nil {
			select {
			case <-g.kick:
				continue
			case <-ctx.Done():
				return
			}
		}
		g.h.done.Go(func() { g.put(ctx, q) })
		patience := time.NewTimer(gatherMost)
		select {
		case <-q.done:
		case <-patience.C:
		case <-ctx.Done():
		}
		patience.Stop()
	}
}

func (g *gatherer) put(ctx context.Context, q *gathering) {
	defer close(q.done)
	ctx, cancel := context.WithTimeout(ctx, g.h.cfg.Timeout)
	defer cancel()
	q.answer, q.err = g.h.cfg.Log.Heads(ctx, q.channels, false)
	g.h.metrics.questions.Inc()
}
