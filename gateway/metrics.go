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

type metrics struct {
	ended   *prometheus.CounterVec
	refused *prometheus.CounterVec
	tokens  *prometheus.CounterVec
	opened  *prometheus.CounterVec
}

// newMetrics registers the gateway's metrics; with a nil registerer they are
// counted and shown to nobody.
func newMetrics(r prometheus.Registerer, open func() float64) (*metrics, error) {
	m := &metrics{
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "bellhop", Name: "streams_ended_total", Help: "Streams that ended, by reason.",
		}, []string{"reason"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "bellhop", Name: "streams_refused_total", Help: "Requests for a stream that were refused, by reason.",
		}, []string{"reason"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "bellhop", Name: "tokens_refused_total", Help: "Tokens that were refused, by the code of the refusal.",
		}, []string{"code"}),
		opened: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "bellhop", Name: "streams_opened_total", Help: "Streams that were opened, without long polls, by whether the client had a cursor. Clients with a cursor come back.",
		}, []string{"cursor"}),
	}
	gauge := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "bellhop", Name: "streams_open", Help: "Streams that are open.",
	}, open)
	if r == nil {
		return m, nil
	}
	return m, errors.Join(r.Register(m.ended), r.Register(m.refused), r.Register(m.tokens), r.Register(m.opened), r.Register(gauge))
}
