package notifier

import (
	"context"
	"time"

	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/internal/tracing"
)

// Traced is what a request says of the trace that it belongs to.
type Traced struct {
	Traceparent string `header:"Traceparent" doc:"The caller's span, in the form of W3C Trace Context. If it is traced, what happens to the events is traced too."`
}

// begin starts the span of a request; nil: it is not traced.
func (n *Notifier) begin(ctx context.Context, name string, in Traced) *tracing.Span {
	span := n.cfg.Tracer.Begin(name, in.Traceparent)
	if span != nil {
		span.Set("bellhop.service", serviceOf(ctx).Name)
		span.Set("bellhop.request_id", server.RequestID(ctx))
	}
	return span
}

// wrote tells of the append of a job: since it was queued, its transaction included.
func (j *job) wrote(err error) {
	if j.trace != nil {
		span := j.trace.Child("append", tracing.Internal, j.queued)
		span.SetInt("bellhop.channels", j.rows)
		span.End(err)
	}
}

// announce starts the span of an announcement, and has its messages name it.
func (a announcement) announce(messages []fanout.Message) (*tracing.Span, []fanout.Message) {
	from := len(messages)
	messages = a.appendMessages(messages)
	if a.job.trace == nil {
		return nil, messages
	}
	span := a.job.trace.Child("announce", tracing.Producer, time.Now())
	id := span.Context()
	for i := range messages[from:] {
		messages[from+i].Trace = id
	}
	return span, messages
}
