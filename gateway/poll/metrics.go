package poll

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	open    prometheus.Gauge
	resumed prometheus.Counter
}

// newMetrics registers the metrics; with a nil registerer they are counted and shown to
// nobody.
func newMetrics(r prometheus.Registerer, waiting func() float64) (*metrics, error) {
	m := &metrics{
		open: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "bellhop", Name: "polls_open", Help: "Long polls that are open. They are among the open streams.",
		}),
		resumed: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "bellhop", Name: "polls_resumed_total", Help: "Long polls that went on with the stream of the poll before, without a query to the log.",
		}),
	}
	gauge := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "bellhop", Name: "polls_waiting", Help: "Streams that wait for their next long poll.",
	}, waiting)
	if r == nil {
		return m, nil
	}
	return m, errors.Join(r.Register(m.open), r.Register(m.resumed), r.Register(gauge))
}
