package escalate

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bellhop/bellhop/store"
)

type metrics struct {
	calls    *prometheus.CounterVec
	failures *prometheus.CounterVec
	waiting  *prometheus.GaugeVec
	parked   *prometheus.GaugeVec
	late     *prometheus.GaugeVec
}

func newMetrics() *metrics {
	name := func(n string) string { return prometheus.BuildFQName("bellhop", "escalation", n) }
	gauge := func(n, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name(n), Help: help}, []string{"target"})
	}
	return &metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{Name: name("calls_total"),
			Help: "Tries of calls, by their result: delivered, moot (no event was left), refused (not answered with 2xx), unanswered, unsent (for example without a secret), parked (given up)."}, []string{"target", "result"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{Name: name("failures_total"),
			Help: "Rounds of the work in the background that failed because of the log, by task."}, []string{"task"}),
		waiting: gauge("waiting", "Calls that will be tried, now or later, in the whole installation."),
		parked:  gauge("parked", "Calls that failed for a day and are not tried any more, in the whole installation."),
		late:    gauge("late_seconds", "Age of the oldest call that waits."),
	}
}

func (m *metrics) register(r prometheus.Registerer) error {
	return errors.Join(r.Register(m.calls), r.Register(m.failures), r.Register(m.waiting), r.Register(m.parked), r.Register(m.late))
}

// show sets the gauges to how calls stand.
func (m *metrics) show(to []store.CallsTo) {
	for _, g := range []*prometheus.GaugeVec{m.waiting, m.parked, m.late} {
		g.Reset()
	}
	for _, t := range to {
		m.waiting.WithLabelValues(t.Target).Set(float64(t.Waiting))
		m.parked.WithLabelValues(t.Target).Set(float64(t.Parked))
		m.late.WithLabelValues(t.Target).Set(t.Late.Seconds())
	}
}
