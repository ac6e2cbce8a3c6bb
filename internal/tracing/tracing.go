// Package tracing tells an OpenTelemetry collector what became of single events: spans,
// sent as OTLP over HTTP. A nil *Tracer, and a nil *Span, do nothing and cost nothing.
package tracing

import (
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"time"
)

// Context names a span, for those that go on from it in another process: its trace, in 16
// bytes, then the span itself.
type Context = [traceBytes + spanBytes]byte

const traceBytes, spanBytes = 16, 8

// ParseParent reads a traceparent of W3C Trace Context. known: it is one; sampled: who
// sent it traces this request.
func ParseParent(header string) (c Context, sampled, known bool) {
	if header == "" { // as most requests have it
		return Context{}, false, false
	}
	parts := strings.Split(header, "-")
	if len(parts) < 4 || len(parts[0]) != 2 || parts[0] == "ff" || parts[0] == "00" && len(parts) != 4 ||
		len(parts[1]) != 32 || len(parts[2]) != 16 || len(parts[3]) != 2 || header != strings.ToLower(header) {
		return Context{}, false, false
	}
	var flags [1]byte
	for i, to := range [][]byte{c[:traceBytes], c[traceBytes:], flags[:]} {
		if _, err := hex.Decode(to, []byte(parts[i+1])); err != nil {
			return Context{}, false, false
		}
	}
	if [traceBytes]byte(c[:]) == [traceBytes]byte{} || [spanBytes]byte(c[traceBytes:]) == [spanBytes]byte{} {
		return Context{}, false, false
	}
	return c, flags[0]&1 != 0, true
}

// Kind is what a span is towards others, in OTLP's numbers.
type Kind int

// The kinds of spans.
const (
	Internal Kind = 1
	Server   Kind = 2
	Producer Kind = 4
	Consumer Kind = 5
)

// Span is one step of a trace. End it once; its other methods are for one goroutine.
type Span struct {
	tracer  *Tracer
	name    string
	kind    Kind
	context Context
	parent  [spanBytes]byte // zero: none
	began   time.Time
	ended   time.Time
	attrs   []attribute
	failed  bool
}

// Begin starts what a request asks for: in the caller's trace if the traceparent that it
// sent says so, else in a new one for the share of requests that is traced. nil: it is not
// traced.
func (t *Tracer) Begin(name, traceparent string) *Span {
	if t == nil {
		return nil
	}
	parent, sampled, known := ParseParent(traceparent)
	switch {
	case known && !sampled, !known && rand.Float64() >= t.cfg.Ratio:
		return nil
	case !known:
		random(parent[:traceBytes])
	}
	return t.span(name, Server, parent, time.Now())
}

// Continue starts a step that follows from a span of another process.
func (t *Tracer) Continue(name string, parent *Context, began time.Time) *Span {
	if t == nil || parent == nil {
		return nil
	}
	return t.span(name, Consumer, *parent, began)
}

// Alone starts a step that follows from something of which nobody knows whether it is
// traced: it begins a trace, for the share that is. nil: it is not traced.
func (t *Tracer) Alone(name string, began time.Time) *Span {
	if t == nil || rand.Float64() >= t.cfg.Ratio {
		return nil
	}
	var root Context
	random(root[:traceBytes])
	s := t.span(name, Consumer, root, began)
	s.Set("bellhop.linked", "no")
	return s
}

// Child starts a step of this one.
func (s *Span) Child(name string, kind Kind, began time.Time) *Span {
	if s == nil {
		return nil
	}
	return s.tracer.span(name, kind, s.context, began)
}

func (t *Tracer) span(name string, kind Kind, parent Context, began time.Time) *Span {
	s := &Span{tracer: t, name: name, kind: kind, parent: [spanBytes]byte(parent[traceBytes:]), began: began, context: parent}
	random(s.context[traceBytes:])
	return s
}

// Context names the span; nil: it is not traced.
func (s *Span) Context() *Context {
	if s == nil {
		return nil
	}
	c := s.context
	return &c
}

// Set notes something about the span.
func (s *Span) Set(key, value string) {
	if s != nil {
		s.attrs = append(s.attrs, text(key, value))
	}
}

// SetInt is Set for a number.
func (s *Span) SetInt(key string, value int) {
	if s != nil {
		s.attrs = append(s.attrs, number(key, value))
	}
}

// End hands the span over. It does not block: of too many some are dropped, and counted.
func (s *Span) End(err error) {
	if s == nil {
		return
	}
	s.ended, s.failed = time.Now(), err != nil
	if err != nil {
		s.Set("error.message", err.Error())
	}
	s.tracer.hand(s)
}

// random makes an id; zero is none.
func random(id []byte) {
	for i := range id {
		id[i] = byte(rand.Uint32())
	}
	id[0] |= 1
}
