// Package tracing tells an OpenTelemetry collector what became of single events: spans,
// sent as OTLP over HTTP. A nil *Tracer, and a nil *Span, do nothing and cost nothing.
package tracing

import (
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"time"
)

// Context names a span, for those that go on from it in another process.
type Context struct {
	Trace [16]byte
	Span  [8]byte
}

// Bytes is the context as messages carry it: the trace, then the span.
func (c Context) Bytes() (b [24]byte) {
	copy(b[copy(b[:], c.Trace[:]):], c.Span[:])
	return b
}

// ContextOf is the context of which b is Bytes.
func ContextOf(b [24]byte) Context {
	return Context{Trace: [16]byte(b[:16]), Span: [8]byte(b[16:])}
}

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
	for i, to := range [][]byte{c.Trace[:], c.Span[:], flags[:]} {
		if _, err := hex.Decode(to, []byte(parts[i+1])); err != nil {
			return Context{}, false, false
		}
	}
	if c.Trace == [16]byte{} || c.Span == [8]byte{} {
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
	parent  [8]byte // zero: none
	began   time.Time
	ended   time.Time
	attrs   []attr
	failed  bool
}

type attr struct {
	key, text string
	number    int
	isInt     bool
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
		parent = Context{Trace: random[[16]byte]()}
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
	s := t.span(name, Consumer, Context{Trace: random[[16]byte]()}, began)
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
	return &Span{tracer: t, name: name, kind: kind, parent: parent.Span, began: began,
		context: Context{Trace: parent.Trace, Span: random[[8]byte]()}}
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
func (s *Span) Set(key, value string) { s.set(attr{key: key, text: value}) }

// SetInt is Set for a number.
func (s *Span) SetInt(key string, value int) { s.set(attr{key: key, number: value, isInt: true}) }

func (s *Span) set(a attr) {
	if s != nil {
		s.attrs = append(s.attrs, a)
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

// random is an id; zero is none.
func random[ID [8]byte | [16]byte]() (id ID) {
	for i := range len(id) {
		id[i] = byte(rand.Uint32())
	}
	id[0] |= 1
	return id
}
