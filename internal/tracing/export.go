package tracing

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config says where spans go.
type Config struct {
	// URL takes OTLP over HTTP, such as http://collector:4318/v1/traces.
	URL string
	// Service and Version are who sends them, and Instance which of them.
	Service, Version, Instance string
	// Ratio is the share of requests without a traceparent that are traced, 0 to 1.
	Ratio  float64
	Logger *slog.Logger
	// Registerer is given the metrics; nil: nobody sees them.
	Registerer prometheus.Registerer
}

const (
	queueSpans  = 4096            // that wait to be sent; more are dropped
	batchSpans  = 512             // in one request
	batchWait   = time.Second     // for a batch to be full
	sendTimeout = 5 * time.Second // of one request
)

// Tracer makes spans and sends them. It is safe for concurrent use.
type Tracer struct {
	cfg     Config
	client  http.Client
	queue   chan *Span
	stop    chan struct{}
	done    chan struct{}
	once    sync.Once
	dropped prometheus.Counter
	failing bool // touched by the worker alone
}

// New starts a tracer. Close ends it.
func New(cfg Config) (*Tracer, error) {
	t := &Tracer{
		cfg: cfg, client: http.Client{Timeout: sendTimeout}, queue: make(chan *Span, queueSpans), stop: make(chan struct{}), done: make(chan struct{}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "bellhop", Name: "traces_dropped_spans_total", Help: "Spans that were not sent, because too many waited or the collector did not take them.",
		}),
	}
	t.cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if cfg.Registerer != nil {
		if err := cfg.Registerer.Register(t.dropped); err != nil {
			return nil, err
		}
	}
	go t.work()
	return t, nil
}

// Close sends what waits, and returns after some seconds at most; what ends later is not
// sent. It may be called more than once, and of a nil Tracer.
func (t *Tracer) Close() error {
	if t == nil {
		return nil
	}
	t.once.Do(func() { close(t.stop) })
	<-t.done
	t.client.CloseIdleConnections()
	return nil
}

func (t *Tracer) hand(s *Span) {
	select {
	case t.queue <- s:
	default:
		t.dropped.Inc()
	}
}

func (t *Tracer) work() {
	defer close(t.done)
	for {
		select {
		case first := <-t.queue:
			t.send(t.gather(first, batchWait))
		case <-t.stop:
			for range queueSpans / batchSpans {
				select {
				case first := <-t.queue:
					t.send(t.gather(first, 0))
				default:
				}
				if t.failing {
					return
				}
			}
			return
		}
	}
}

// gather makes a batch of what comes within a while.
func (t *Tracer) gather(first *Span, wait time.Duration) []*Span {
	batch := append(make([]*Span, 0, batchSpans), first)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for len(batch) < batchSpans {
		select {
		case s := <-t.queue:
			batch = append(batch, s)
			continue
		default:
		}
		select {
		case s := <-t.queue:
			batch = append(batch, s)
		case <-timer.C:
			return batch
		case <-t.stop:
			return batch
		}
	}
	return batch
}

// send says once that the collector does not take spans, and once that it does again.
func (t *Tracer) send(batch []*Span) {
	err := t.post(batch)
	switch {
	case err != nil && !t.failing:
		t.cfg.Logger.Warn("traces are not taken", "error", err)
	case err == nil && t.failing:
		t.cfg.Logger.Info("traces are taken again")
	}
	if t.failing = err != nil; t.failing {
		t.dropped.Add(float64(len(batch)))
	}
}

func (t *Tracer) post(batch []*Span) error {
	body, err := json.Marshal(t.request(batch))
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, t.cfg.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := t.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection is used again
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the collector says %s", resp.Status)
	}
	return nil
}

// What follows is JSON as OTLP has it (opentelemetry-proto, trace.proto in its JSON form).
//
//nolint:tagliatelle // OTLP names them
type (
	spanJSON struct {
		Trace      string      `json:"traceId"`
		Span       string      `json:"spanId"`
		Parent     string      `json:"parentSpanId,omitempty"`
		Name       string      `json:"name"`
		Kind       Kind        `json:"kind"`
		Began      int64       `json:"startTimeUnixNano,string"`
		Ended      int64       `json:"endTimeUnixNano,string"`
		Attributes []attribute `json:"attributes"`
		Status     struct {
			Code int `json:"code"`
		} `json:"status,omitzero"`
	}
	attribute struct {
		Key   string `json:"key"`
		Value struct {
			String *string `json:"stringValue,omitempty"`
			Int    *int    `json:"intValue,omitempty,string"`
		} `json:"value"`
	}
)

func text(key, value string) (a attribute) {
	a.Key, a.Value.String = key, &value
	return a
}

func number(key string, value int) (a attribute) {
	a.Key, a.Value.Int = key, &value
	return a
}

// failedCode is the status of a span that failed.
const failedCode = 2

func (t *Tracer) request(batch []*Span) any {
	spans := make([]spanJSON, len(batch))
	for i, s := range batch {
		out := &spans[i]
		*out = spanJSON{
			Trace: hex.EncodeToString(s.context[:traceBytes]), Span: hex.EncodeToString(s.context[traceBytes:]), Name: s.name, Kind: s.kind,
			Began: s.began.UnixNano(), Ended: s.ended.UnixNano(), Attributes: append([]attribute{}, s.attrs...), // never null
		}
		if s.parent != [spanBytes]byte{} {
			out.Parent = hex.EncodeToString(s.parent[:])
		}
		if s.failed {
			out.Status.Code = failedCode
		}
	}
	type object map[string]any
	return object{"resourceSpans": []object{{
		"resource": object{"attributes": []attribute{
			text("service.name", t.cfg.Service), text("service.version", t.cfg.Version), text("service.instance.id", t.cfg.Instance),
		}},
		"scopeSpans": []object{{"scope": object{"name": "bellhop"}, "spans": spans}},
	}}}
}
