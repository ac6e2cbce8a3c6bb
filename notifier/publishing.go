package notifier

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/store"
)

const (
	// answerWait bounds how long a publisher is kept waiting. It is less than
	// what the listener gives an answer, and more than any transaction takes.
	answerWait = 40 * time.Second
	// onlineWait is how long an answer waits for the bus, if asked to.
	onlineWait = 250 * time.Millisecond
)

// appendedSeq is where an event stands in one channel.
type appendedSeq struct {
	Channel string `json:"channel" example:"user:42"`
	User    string `json:"user,omitempty" doc:"The subject, of a channel that users named." example:"Jane Doe"`
	Seq     uint64 `json:"seq,omitempty" doc:"Left out where the event is muted." example:"17"`
	Muted   bool   `json:"muted,omitempty" doc:"The person mutes the type: the event is not in the inbox, and has no seq."`
	Online  *bool  `json:"online,omitempty" doc:"Whether somebody listens to the channel. Only with online=true, and only if it is known."`
}

type publishInput struct {
	Traced
	IdempotencyKey string `header:"Idempotency-Key" doc:"1 to 255 printable ASCII characters. The request is then carried out once, however often you send it within 24 hours. Keys are separate per service."`
	Online         bool   `query:"online" doc:"Say for each channel whether somebody listens."`
	RawBody        []byte `contentType:"application/json"`
}

type publishOutput struct {
	Replayed string `header:"Idempotent-Replayed" doc:"true: an earlier request with this key was carried out, and this is its answer."`
	Body     struct {
		Events []appendedSeq `json:"events"`
	}
}

// publish is POST /v1/events.
func (n *Notifier) publish(ctx context.Context, in *publishInput) (_ *publishOutput, err error) {
	span := n.begin(ctx, "POST /v1/events", in.Traced)
	defer func() { span.End(err) }()
	j, problem := n.single(ctx, in.RawBody, in.IdempotencyKey, in.Online)
	if problem != nil {
		return nil, problem
	}
	j.trace = span
	if err := n.submit(j); err != nil {
		return nil, refusal(err)
	}
	o := n.await(ctx, j)
	if o.err != nil {
		return nil, refusal(o.err)
	}
	out := &publishOutput{}
	if o.appended.Replayed {
		out.Replayed = "true"
	}
	bus, cancel := context.WithTimeout(ctx, onlineWait)
	defer cancel()
	out.Body.Events = o.seqs(bus, j)
	return out, nil
}

// single reads a body with one event, and the key of the header, empty if there is none.
func (n *Notifier) single(ctx context.Context, body []byte, key string, online bool) (*job, *server.Problem) {
	if err := checkJSON(body); err != nil {
		return nil, unreadable(err, "body")
	}
	m, err := decodeObject(body)
	if err != nil {
		return nil, unreadable(err, "body")
	}
	p := n.parser(ctx, "body")
	entry, problem := p.event(m, key)
	if problem != nil {
		return nil, problem
	}
	j := p.job(ctx, entry, online)
	return j, tooMuch(j)
}

type batchInput struct {
	Traced
	Online  bool   `query:"online" doc:"Say for each channel whether somebody listens."`
	RawBody []byte `contentType:"application/json"`
}

// batchResult is the answer to one event of a batch: Events with status 201, a
// problem with any other.
type batchResult struct {
	Status   int             `json:"status" example:"201"`
	Events   []appendedSeq   `json:"events,omitempty"`
	Replayed bool            `json:"replayed,omitempty"`
	Error    *server.Problem `json:"error,omitempty"`
}

type batchOutput struct {
	Body struct {
		Results []batchResult `json:"results"`
	}
}

// publishBatch is POST /v1/events/batch. Its events succeed or fail one by one;
// those that share a channel keep their order.
func (n *Notifier) publishBatch(ctx context.Context, in *batchInput) (_ *batchOutput, err error) {
	span := n.begin(ctx, "POST /v1/events/batch", in.Traced)
	defer func() { span.End(err) }()
	items, problem := batchItems(in.RawBody)
	if problem != nil {
		return nil, problem
	}
	out := &batchOutput{}
	out.Body.Results = make([]batchResult, len(items))
	jobs := make([]*job, len(items))
	keys := make(map[string]struct{})
	for i, item := range items {
		p := n.parser(ctx, "body.events["+strconv.Itoa(i)+"]")
		entry, problem := p.item(item, keys)
		if problem != nil {
			out.Body.Results[i] = failed(problem)
			continue
		}
		jobs[i] = p.job(ctx, entry, in.Online)
		jobs[i].trace = span
	}
	if problem := tooMuch(jobs...); problem != nil {
		return nil, problem
	}
	for i, j := range jobs {
		if j == nil {
			continue
		}
		if err := n.submit(j); err != nil {
			out.Body.Results[i] = failed(refusal(err))
			jobs[i] = nil
		}
	}
	outcomes := make([]outcome, len(jobs))
	for i, j := range jobs {
		if j != nil {
			outcomes[i] = n.await(ctx, j)
		}
	}
	bus, cancel := context.WithTimeout(ctx, onlineWait)
	defer cancel()
	for i, j := range jobs {
		switch o := &outcomes[i]; {
		case j == nil:
		case o.err != nil:
			out.Body.Results[i] = failed(refusal(o.err))
		default:
			out.Body.Results[i] = batchResult{
				Status: http.StatusCreated, Events: o.seqs(bus, j), Replayed: o.appended.Replayed,
			}
		}
	}
	return out, nil
}

func failed(p *server.Problem) batchResult { return batchResult{Status: p.Status, Error: p} }

// batchItems splits the body of a batch.
func batchItems(body []byte) ([]json.RawMessage, *server.Problem) {
	if err := checkJSON(body); err != nil {
		return nil, unreadable(err, "body")
	}
	members, err := decodeObject(body)
	if err != nil {
		return nil, unreadable(err, "body")
	}
	for i := range members {
		if name := members[i].name; name != "events" {
			return nil, brokenRule("body."+name, "there is no such member")
		}
	}
	items, err := decodeArray(members.get("events"), MaxBatch)
	if err != nil || len(items) == 0 || len(items) > MaxBatch {
		return nil, brokenRule("body.events", fmt.Sprintf("want 1 to %d events", MaxBatch))
	}
	return items, nil
}

// item reads one event of a batch. keys are those of the events before it.
func (p *parser) item(item json.RawMessage, keys map[string]struct{}) (store.Entry, *server.Problem) {
	members, err := decodeObject(item)
	if err != nil {
		return store.Entry{}, unreadable(err, p.at)
	}
	var key string
	if v := members.get("idempotency_key"); v != nil {
		members = slices.DeleteFunc(members, func(m member) bool { return m.name == "idempotency_key" })
		if !isNull(v) {
			var ok bool
			if key, ok = decodeString(v); !ok || !validKey(key) {
				return store.Entry{}, brokenRule(p.at+".idempotency_key", errIdempotencyKey.Error())
			}
			if _, twice := keys[key]; twice {
				return store.Entry{}, brokenRule(p.at+".idempotency_key", "an earlier event of this batch has the same key")
			}
			keys[key] = struct{}{}
		}
	}
	return p.event(members, key)
}

func (n *Notifier) parser(ctx context.Context, at string) *parser {
	return &parser{policies: n.cfg.access.Load().policies, service: serviceOf(ctx), maxData: n.cfg.MaxData, at: at}
}

// tooMuch refuses a request that asks for too many appends or too much data.
func tooMuch(jobs ...*job) *server.Problem {
	rows, data := 0, 0
	for _, j := range jobs {
		if j != nil {
			rows += j.rows
			data += j.rows * len(j.entry.Data)
		}
	}
	switch {
	case rows > MaxRequestAppends:
		return server.NewProblem(http.StatusRequestEntityTooLarge, "too many channels in one request").With("limit", MaxRequestAppends)
	case data > MaxRequestData:
		return server.NewProblem(http.StatusRequestEntityTooLarge, "too much data, times channels, in one request").With("limit", MaxRequestData)
	}
	return nil
}

// await waits for the outcome of a job. A publisher who leaves, or whose time is
// up, does not end the job.
func (n *Notifier) await(ctx context.Context, j *job) outcome {
	patience := time.NewTimer(answerWait)
	defer patience.Stop()
	err := context.DeadlineExceeded
	select {
	case o := <-j.done:
		return o
	case <-patience.C:
	case <-ctx.Done():
		err = ctx.Err()
	}
	return outcome{err: fmt.Errorf("%w: %w", store.ErrUnavailable, err)}
}

// seqs is what a publisher is told of an append. If it asked who is online, the
// answer waits for the bus until ctx ends.
func (o *outcome) seqs(ctx context.Context, j *job) []appendedSeq {
	events := make([]appendedSeq, len(j.entry.Channels))
	for i, ch := range j.entry.Channels {
		events[i] = appendedSeq{Channel: string(ch), Seq: o.appended.Seqs[i], Muted: o.appended.Seqs[i] == 0}
	}
	for i, user := range j.users {
		events[len(events)-len(j.users)+i].User = user
	}
	if j.receivers == nil {
		return events
	}
	select {
	case receivers := <-j.receivers:
		for i, n := range receivers {
			if n >= 0 {
				online := n > 0
				events[i].Online = &online
			}
		}
	case <-ctx.Done():
	}
	return events
}
