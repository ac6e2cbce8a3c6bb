package engine

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of all loops together. Loops add to them once per round.
type metrics struct {
	writes  prometheus.Counter
	bytes   prometheus.Counter
	blocked prometheus.Gauge
	backlog prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "bellhop", Subsystem: "conn", Name: name, Help: help}
	}
	m := &metrics{
		writes:  prometheus.NewCounter(prometheus.CounterOpts(opts("writes_total", "Writes to the sockets of streams by the event loops."))),
		bytes:   prometheus.NewCounter(prometheus.CounterOpts(opts("written_bytes_total", "Bytes that the sockets of streams took from the event loops."))),
		blocked: prometheus.NewGauge(prometheus.GaugeOpts(opts("blocked_streams", "Streams whose client does not read, although there is something for it."))),
		backlog: prometheus.NewGauge(prometheus.GaugeOpts(opts("backlog_bytes",
			"Bytes that wait in this process for clients that do not read. Bytes in the kernel, and events that were not rendered yet, are not counted."))),
	}
	if r == nil {
		return m, nil
	}
	return m, errors.Join(r.Register(m.writes), r.Register(m.bytes), r.Register(m.blocked), r.Register(m.backlog))
}
