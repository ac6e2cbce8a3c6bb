package relay

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of a relay. One that is not at work has no lag and nothing parked.
type metrics struct {
	relayed, refused prometheus.Counter
	parked           prometheus.Gauge
	lag              prometheus.Collector
	// since is since when the oldest row waits, or when the outbox was last seen to be
	// empty, in milliseconds since 1970: while it can't be read the lag grows. 0: another
	// relay is at work.
	since atomic.Int64
}

func newMetrics(now time.Time) *metrics {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "bellhop", Subsystem: "outbox", Name: name, Help: help}
	}
	m := &metrics{
		relayed: prometheus.NewCounter(prometheus.CounterOpts(opts("relayed_rows_total", "Rows of the outbox that were published and deleted."))),
		refused: prometheus.NewCounter(prometheus.CounterOpts(opts("refused_rows_total", "Rows of the outbox that broke a rule and were parked."))),
		parked:  prometheus.NewGauge(prometheus.GaugeOpts(opts("parked_rows", "Rows of the outbox that were refused and stay, up to 10,000, at the relay that works."))),
	}
	m.lag = prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts("lag_seconds", "How long the oldest row of the outbox has waited, at the relay that works.")), m.seconds)
	m.since.Store(now.UnixMilli())
	return m
}

func (m *metrics) seconds() float64 {
	since := m.since.Load()
	if since == 0 {
		return 0
	}
	return max(0, time.Since(time.UnixMilli(since)).Seconds())
}

func (m *metrics) waitsSince(t time.Time) { m.since.Store(t.UnixMilli()) }

// idle says that another relay is at work.
func (m *metrics) idle() {
	m.since.Store(0)
	m.parked.Set(0)
}

func (m *metrics) register(r prometheus.Registerer) error {
	return errors.Join(r.Register(m.relayed), r.Register(m.refused), r.Register(m.parked), r.Register(m.lag))
}
