package gateway

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// refusal is why a stream was not opened. It is a label in metrics.
type refusal string

const (
	refusedMalformed    refusal = "malformed"
	refusedAccept       refusal = "not_acceptable"
	refusedUnauthorized refusal = "unauthorized"
	refusedForbidden    refusal = "forbidden"
	refusedDraining     refusal = "draining"
	refusedCapacity     refusal = "capacity"
	refusedUnready      refusal = "unready" // tokens can't be judged yet
)

type metrics struct{ ended, refused, tokens, opened *prometheus.CounterVec }

// newMetrics registers the gateway's metrics; with a nil registerer they are
// counted and shown to nobody.
func newMetrics(r prometheus.Registerer, open func() float64) (*metrics, error) {
	counter := func(name, label, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "bellhop", Name: name, Help: help}, []string{label})
	}
	m := &metrics{
		ended:   counter("streams_ended_total", "reason", "Streams that ended, by reason."),
		refused: counter("streams_refused_total", "reason", "Requests for a stream that were refused, by reason."),
		tokens:  counter("tokens_refused_total", "code", "Tokens that were refused, by the code of the refusal."),
		opened: counter("streams_opened_total", "cursor", "Streams that were opened, without long polls, by whether the client had a cursor."+
			" Clients with a cursor come back."),
	}
	gauge := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "bellhop", Name: "streams_open", Help: "Streams that are open.",
	}, open)
	if r == nil {
		return m, nil
	}
	return m, errors.Join(r.Register(m.ended), r.Register(m.refused), r.Register(m.tokens), r.Register(m.opened), r.Register(gauge))
}
