package workload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bellhop/bellhop/client"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/wait"
)

// payload is the data of the workload's events.
type payload struct {
	ID   string `json:"id"`
	Sent int64  `json:"sent"` // microseconds since 1970, of the first POST
}

// Publish publishes the plan's events, each to the inbox of somebody or to a
// shared channel, and repeats each with the same key until it is acknowledged.
func (r *Run) Publish(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var work sync.WaitGroup
	start := time.Now()
	for range r.Publishers {
		work.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= r.Events || ctx.Err() != nil {
					return
				}
				if r.Rate > 0 {
					due := start.Add(time.Duration(float64(n) / r.Rate * float64(time.Second)))
					wait.For(ctx, time.Until(due))
				}
				if err := r.publish(ctx, n); err != nil {
					cancel(err)
				}
			}
		})
	}
	work.Wait()
	return context.Cause(ctx)
}

// pick chooses the channel of an event: one in ten is shared, if any are.
func (r *Run) pick() event.Channel {
	if len(r.Shared) > 0 && rand.IntN(10) == 0 {
		return r.Shared[rand.IntN(len(r.Shared))]
	}
	return r.listeners[rand.IntN(len(r.listeners))].inbox
}

func (r *Run) publish(ctx context.Context, n int) error {
	ch := r.pick()
	p := payload{ID: strconv.Itoa(n), Sent: time.Now().UnixMicro()}
	e := client.Event{Channels: []string{string(ch)}, Type: "load", Data: p, IdempotencyKey: fmt.Sprint(r.id, "-", n)}
	deadline := time.Now().Add(r.Patience)
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 500*time.Millisecond) {
		seq, err := r.try(ctx, e)
		if err == nil {
			r.ledger.Acked(ch, seq, p.ID)
			r.note(func(r *Report) { r.Acked++ })
			return nil
		}
		if final(err) || time.Now().After(deadline) {
			return fmt.Errorf("workload: event %d: %w", n, err)
		}
		r.note(func(r *Report) { r.Retries++ })
		if !wait.For(ctx, pause/2+rand.N(pause)) {
			return ctx.Err()
		}
	}
}

var errNoNotifier = errors.New("no notifier")

// try publishes once, to any notifier: the next try may go to another.
func (r *Run) try(ctx context.Context, e client.Event) (seq uint64, err error) {
	urls := r.Notifiers()
	if len(urls) == 0 {
		return 0, errNoNotifier
	}
	c, err := client.New(client.Config{
		URL: urls[rand.IntN(len(urls))], Key: r.ServiceKey, HTTPClient: r.http, Timeout: 20 * time.Second, RetryFor: -1,
	})
	if err != nil {
		return 0, err
	}
	receipt, err := c.Publish(ctx, e)
	if err == nil && len(receipt.Events) != 1 {
		err = fmt.Errorf("receipt of one event: %v", receipt)
	}
	if err != nil {
		return 0, err
	}
	return receipt.Events[0].Seq, nil
}

// final tells that repeating would not help, or would hide an answer that a
// notifier must not give.
func final(err error) bool {
	var refused *client.Error
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, errNoNotifier):
		return false
	case !errors.As(err, &refused), errors.As(err, &syntax):
		return true
	}
	return !slices.Contains([]int{0, http.StatusServiceUnavailable, http.StatusConflict, http.StatusTooManyRequests}, refused.Status)
}
