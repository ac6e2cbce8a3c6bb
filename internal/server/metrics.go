package server

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	duration *prometheus.HistogramVec
}

// newMetrics registers the listener's metrics; with a nil registerer they are
// kept and shown to nobody. An error means that they are registered already.
func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "bellhop_http_request_duration_seconds",
		Help:    "Time from a request's head until its handler was done. That of a stream is done when it begins where it takes the connection over, and else at its end.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60, 600},
	}, []string{"method", "route", "code"})}
	if r == nil {
		return m, nil
	}
	return m, r.Register(m.duration)
}

// observe counts a request under its route's pattern, never its path, and its
// method only if it is a usual one: clients must not be able to make up labels.
func (m *metrics) observe(method, route string, code int, took time.Duration) {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
	default:
		method = "other"
	}
	m.duration.WithLabelValues(method, route, strconv.Itoa(code)).Observe(took.Seconds())
}
