package app

import (
	"time"

	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/internal/tracing"
	"github.com/bellhop/bellhop/internal/version"
)

// trace opens the tracer, if the settings ask for one.
func (s *Service) trace(cfg config.Traces, program string) (err error) {
	if cfg.TracesURL == "" {
		return nil
	}
	s.tracer, err = tracing.New(tracing.Config{
		URL: cfg.TracesURL, Ratio: cfg.TracesRatio, Logger: s.log, Registerer: s.registry,
		Service: "bellhop-" + program, Version: version.Read().Version, Instance: s.public.Addr().String(),
	})
	s.onClose(s.tracer.Close)
	return err
}

// traced is how a gateway tells of the events that it handed over; nil: nobody asks.
func (s *Service) traced() func(*[fanout.TraceBytes]byte, event.Channel, uint64, time.Time, int) {
	if s.tracer == nil {
		return nil
	}
	return func(trace *[fanout.TraceBytes]byte, channel event.Channel, seq uint64, began time.Time, streams int) {
		span := s.tracer.Alone("fill", began)
		if trace != nil {
			span = s.tracer.Continue("hand over", trace, began)
		}
		span.Set("bellhop.namespace", channel.Namespace())
		span.SetInt("bellhop.seq", int(seq))
		span.SetInt("bellhop.streams", streams)
		span.End(nil)
	}
}
