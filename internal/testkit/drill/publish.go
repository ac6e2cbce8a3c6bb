package drill

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bellhop/bellhop/event"
)

// payload is the data of the drill's events.
type payload struct {
	ID   string `json:"id"`
	Sent int64  `json:"sent"` // microseconds since 1970, of the first POST
}

// Publish publishes the plan's events, each to the inbox of somebody or to a
// shared channel, and repeats each with the same key until it is acknowledged.
func (d *Drill) Publish(ctx context.Context) error {
	r := d.run
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
					sleep(ctx, time.Until(due))
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
func (r *run) pick() event.Channel {
	if len(r.Shared) > 0 && rand.IntN(10) == 0 {
		return r.Shared[rand.IntN(len(r.Shared))]
	}
	return r.clients[rand.IntN(len(r.clients))].inbox
}

func (r *run) publish(ctx context.Context, n int) error {
	ch := r.pick()
	p := payload{ID: strconv.Itoa(n), Sent: time.Now().UnixMicro()}
	body, err := json.Marshal(map[string]any{"channels": []event.Channel{ch}, "type": "drill", "data": p})
	if err != nil {
		return err
	}
	deadline := time.Now().Add(r.Patience)
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		seq, err := r.post(ctx, body, fmt.Sprint(r.id, "-", n))
		if err == nil {
			r.ledger.Acked(ch, seq, p.ID)
			r.note(func(r *Report) { r.Acked++ })
			return nil
		}
		if errors.Is(err, errFinal) || time.Now().After(deadline) {
			return fmt.Errorf("drill: event %d: %w", n, err)
		}
		r.note(func(r *Report) { r.Retries++ })
		if !sleep(ctx, wait/2+rand.N(wait)) {
			return ctx.Err()
		}
	}
}

// errFinal: repeating would not help.
var errFinal = errors.New("refused for good")

func (r *run) post(ctx context.Context, body []byte, key string) (seq uint64, err error) {
	urls := r.Notifiers()
	if len(urls) == 0 {
		return 0, errors.New("no notifier")
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, urls[rand.IntN(len(urls))]+"/v1/events", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+r.ServiceKey)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	resp, err := r.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	var out struct {
		Events []struct {
			Seq uint64 `json:"seq"`
		} `json:"events"`
	}
	switch resp.StatusCode {
	case http.StatusCreated:
		if err := json.Unmarshal(answer, &out); err != nil || len(out.Events) != 1 {
			return 0, fmt.Errorf("%w: answer %q", errFinal, answer)
		}
		return out.Events[0].Seq, nil
	case http.StatusServiceUnavailable, http.StatusConflict, http.StatusTooManyRequests:
		return 0, fmt.Errorf("%s: %s", resp.Status, answer)
	default:
		return 0, fmt.Errorf("%w: %s: %s", errFinal, resp.Status, answer)
	}
}
