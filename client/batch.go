package client

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Limits of one request, which are the notifier's.
const (
	maxBatch        = 500
	maxBatchAppends = 5000
	maxBatchData    = 8 << 20 // channels x data, in bytes
)

// Result is what became of one event of a batch.
type Result struct {
	Receipt

	// Err is nil if the event is on disk.
	Err error
}

// PublishBatch publishes events, each of which succeeds or fails by itself, and
// returns a result for each, in their order. There may be any number: they are
// sent in requests as large as the notifier takes, one after the other. Those
// that fail for now are repeated until ctx ends or Config.RetryFor is over; they
// may then come after events that stood behind them. Of two events with the same
// idempotency key the second is answered as a repetition of the first.
//
// The error is nil if every event is on disk. Otherwise it wraps the first one's.
func (c *Client) PublishBatch(ctx context.Context, events []Event) ([]Result, error) {
	results := make([]Result, len(events))
	jobs := make([]*job, 0, len(events))
	for i, e := range events {
		it, err := prepare(e)
		if err != nil {
			results[i].Err = err
			continue
		}
		jobs = append(jobs, &job{item: it, result: &results[i]})
	}
	c.publishJobs(ctx, jobs)
	return results, firstError(results)
}

func firstError(results []Result) error {
	var first error
	failed := 0
	for _, r := range results {
		if r.Err != nil {
			failed++
			first = cmp.Or(first, r.Err)
		}
	}
	if first == nil {
		return nil
	}
	return fmt.Errorf("client: %d of %d events were not published, the first because of: %w", failed, len(results), first)
}

// job is an event of a batch on its way.
type job struct {
	item

	result   *Result
	failure  *Error // result's, nil if there is none
	attempts int
	written  bool // perhaps, by an attempt whose answer nobody heard
}

// fail settles a job until it is sent again.
func (j *job) fail(e Error) {
	j.written = j.written || !e.NotWritten
	e.NotWritten = !j.written
	e.IdempotencyKey = j.event.IdempotencyKey
	e.Attempts = j.attempts
	j.failure = &e
	j.result.Err = j.failure
}

// publishJobs settles the result of every job.
func (c *Client) publishJobs(ctx context.Context, jobs []*job) {
	for b := c.newBudget(); len(jobs) > 0; {
		jobs = c.sendRound(ctx, jobs)
		var atLeast time.Duration
		for _, j := range jobs {
			atLeast = max(atLeast, j.failure.RetryAfter)
		}
		if len(jobs) == 0 || ctx.Err() != nil || !b.pause(ctx, atLeast) {
			break
		}
	}
	for _, j := range jobs { // what is left has failed for now, and for good
		j.failure.endedBy(ctx)
	}
}

// sendRound sends every job once and returns those that failed for now. After a
// request that failed as a whole the rest waits with it: the notifier is away,
// and what comes later in a channel is not to be sent first.
func (c *Client) sendRound(ctx context.Context, jobs []*job) (later []*job) {
	for len(jobs) > 0 {
		n := fits(jobs)
		failed, whole := c.sendBatch(ctx, jobs[:n])
		later, jobs = append(later, failed...), jobs[n:]
		if whole != nil && whole.Temporary() {
			for _, j := range jobs {
				e := *whole
				e.NotWritten = true // by this request, which it was not in
				j.fail(e)
			}
			return append(later, jobs...)
		}
	}
	return later
}

// fits is how many of the first jobs one request may hold. A job that is too
// large by itself goes alone, and is refused alone; one that repeats the key of
// another goes after it, because within one request it would be refused.
func fits(jobs []*job) int {
	appends, data := 0, 0
	keys := make(map[string]struct{}, min(len(jobs), maxBatch))
	for i, j := range jobs {
		channels := len(j.event.Channels) + len(j.event.Users)
		appends += channels
		data += max(channels, 1) * j.size // a body for no channel is refused, but it is sent
		_, repeated := keys[j.event.IdempotencyKey]
		if i > 0 && (i == maxBatch || appends > maxBatchAppends || data > maxBatchData || repeated) {
			return i
		}
		keys[j.event.IdempotencyKey] = struct{}{}
	}
	return len(jobs)
}

// sendBatch sends jobs in one request, settles them, and returns those that
// failed for now; and the request's own failure, if it failed as a whole.
func (c *Client) sendBatch(ctx context.Context, jobs []*job) (later []*job, whole *Error) {
	results, whole := c.postBatch(ctx, jobs)
	for i, j := range jobs {
		j.attempts++
		failure := whole
		if whole == nil {
			failure = results[i].failure()
		}
		if failure == nil {
			*j.result = Result{Receipt: Receipt{Events: results[i].Events, Replayed: results[i].Replayed}}
			j.failure = nil
			continue
		}
		j.fail(*failure)
		if failure.Temporary() {
			later = append(later, j)
		}
	}
	return later, whole
}

// postBatch returns a result for each job.
func (c *Client) postBatch(ctx context.Context, jobs []*job) ([]resultJSON, *Error) {
	var body struct {
		Events []eventJSON `json:"events"`
	}
	online := false
	for _, j := range jobs {
		body.Events = append(body.Events, eventJSON(j.event))
		online = online || j.event.AskOnline
	}
	encoded, err := encode(body)
	if err != nil {
		return nil, &Error{Err: err, NotWritten: true}
	}
	var answer struct {
		Results []resultJSON `json:"results"`
	}
	r := request{method: http.MethodPost, path: "/v1/events/batch" + query(online), body: encoded}
	if _, failure := c.do(ctx, r, http.StatusOK, &answer); failure != nil {
		return nil, failure
	}
	if len(answer.Results) != len(jobs) {
		return nil, &Error{Err: fmt.Errorf("%d results for %d events", len(answer.Results), len(jobs))}
	}
	return answer.Results, nil
}

// resultJSON is the notifier's answer to one event of a batch.
type resultJSON struct {
	Status   int             `json:"status"`
	Events   []Position      `json:"events"`
	Replayed bool            `json:"replayed"`
	Error    json.RawMessage `json:"error"`
}

// failure is nil if the event was written.
func (r *resultJSON) failure() *Error {
	if r.Status == http.StatusCreated {
		return nil
	}
	return refusal(r.Status, r.Error)
}
