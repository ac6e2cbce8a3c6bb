package notifier

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the notifier's counters. They count whether or not anybody
// registered them.
type metrics struct {
	results           *prometheus.CounterVec
	rows              *prometheus.CounterVec
	groupRows         prometheus.Histogram
	commitSeconds     prometheus.Histogram
	splits            prometheus.Counter
	published         prometheus.Counter
	publishFailed     prometheus.Counter
	publishDropped    *prometheus.CounterVec
	epochs            prometheus.Counter
	maintenanceFailed *prometheus.CounterVec
	auditLost         prometheus.Counter
	kept              *prometheus.CounterVec
	keptSeconds       prometheus.Histogram
}

func newMetrics() *metrics {
	opts := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "bellhop", Subsystem: "notifier", Name: name, Help: help}
	}
	hist := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "bellhop", Subsystem: "notifier", Name: name, Help: help, Buckets: buckets,
		})
	}
	return &metrics{
		results: prometheus.NewCounterVec(opts("events_total",
			"Events by their result: written, replayed (idempotency key), refused (not tried, or its key is taken), failed."), []string{"result"}),
		// Nobody may publish in a namespace without a policy, so there are few.
		rows: prometheus.NewCounterVec(opts("appends_total",
			"Appends to single channels that were committed, by namespace, without those of Redis-kept channels."), []string{"namespace"}),
		groupRows: hist("group_rows",
			"Appends in one transaction.", prometheus.ExponentialBuckets(1, 2, 12)),
		commitSeconds: hist("commit_seconds",
			"Time of one transaction, whether it succeeded or not.", prometheus.ExponentialBuckets(0.0005, 2, 15)),
		splits: prometheus.NewCounter(opts("group_splits_total",
			"Failed groups that were tried again in halves.")),
		published: prometheus.NewCounter(opts("published_total",
			"Messages that the bus took.")),
		publishFailed: prometheus.NewCounter(opts("publish_failures_total",
			"Messages that the bus did not take, or perhaps did not take. Gateways find the events in the log's tail.")),
		publishDropped: prometheus.NewCounterVec(opts("publish_dropped_total",
			"Messages never sent, because the queue towards the bus was full or they were stale."), []string{"reason"}),
		epochs: prometheus.NewCounter(opts("epochs_total",
			"Epochs that this notifier began, because the primary was another server.")),
		maintenanceFailed: prometheus.NewCounterVec(opts("maintenance_failures_total",
			"Failed rounds of the work in the background."), []string{"task"}),
		auditLost: prometheus.NewCounter(opts("audit_lost_total",
			"Admin calls that should be in the table audit, by the policies, but are not. The program's log has them.")),
		kept: prometheus.NewCounterVec(opts("kept_events_total",
			"Events of Redis-kept channels by their result: written, replayed (idempotency key), refused (not tried, or its key is taken), failed."), []string{"result"}),
		keptSeconds: hist("kept_append_seconds",
			"Time of one group of appends to Redis-kept channels.", prometheus.ExponentialBuckets(0.0005, 2, 15)),
	}
}

// register adds the metrics to a registry, with the depths of the queues towards
// the database and, if there is one, towards the other log.
func (m *metrics) register(r prometheus.Registerer, database, kept *queue) error {
	all := []prometheus.Collector{
		m.results, m.rows, m.groupRows, m.commitSeconds, m.splits, m.published, m.publishFailed,
		m.publishDropped, m.epochs, m.maintenanceFailed, m.auditLost, database.gauge("queue_rows", "Appends that wait for their transaction."),
	}
	if kept != nil {
		all = append(all, m.kept, m.keptSeconds, kept.gauge("kept_queue_rows", "Events of Redis-kept channels that wait to be written."))
	}
	var errs []error
	for _, c := range all {
		errs = append(errs, r.Register(c))
	}
	return errors.Join(errs...)
}

// gauge shows how much waits.
func (q *queue) gauge(name, help string) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "bellhop", Subsystem: "notifier", Name: name, Help: help},
		func() float64 { return float64(q.depth()) })
}
