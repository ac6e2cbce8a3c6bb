package hub

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bellhop/bellhop/gateway/hub/track"
)

type metrics struct {
	all       []prometheus.Collector
	delivered [track.ViaCount]atomic.Uint64
	fills     [track.CauseCount]prometheus.Counter
	questions prometheus.Counter
	reads     prometheus.Counter
	epochs    prometheus.Counter
	keptLives prometheus.Counter
	conflated prometheus.Counter
	ring      prometheus.Counter
	waiting   prometheus.Gauge
	recent    prometheus.Gauge
	resets    prometheus.Counter
	doubts    prometheus.Counter
	tailReads prometheus.Counter
	tailCuts  prometheus.Counter
	tailLast  prometheus.Gauge
	joins     prometheus.Histogram
	age       prometheus.Histogram
	left      *prometheus.HistogramVec
}

func newMetrics(h *Hub) *metrics {
	m := &metrics{}
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "bellhop", Subsystem: "hub", Name: name, Help: help}
	}
	counter := func(name, help string) prometheus.Counter {
		return add(m, prometheus.NewCounter(prometheus.CounterOpts(opts(name, help))))
	}
	gauge := func(name, help string) prometheus.Gauge {
		return add(m, prometheus.NewGauge(prometheus.GaugeOpts(opts(name, help))))
	}
	figure := func(name, help string, now func() float64) {
		add(m, prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts(name, help)), now))
	}
	seconds := func(name, help string) prometheus.Histogram {
		return add(m, prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "bellhop", Subsystem: "hub", Name: name, Help: help,
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}))
	}
	for v, label := range vias {
		o := opts("delivered_events_total", "Events handed to streams, by how they came: over the bus, by filling a gap, or by replay from the log.")
		o.ConstLabels = prometheus.Labels{"via": label}
		add(m, prometheus.NewCounterFunc(prometheus.CounterOpts(o), func() float64 { return float64(m.delivered[v].Load()) }))
	}
	fills := add(m, prometheus.NewCounterVec(prometheus.CounterOpts(
		opts("fills_total", "Gaps in channels that were filled from the log, by what showed them.")), []string{"cause"}))
	for c, label := range [track.CauseCount]string{track.CauseBus: "bus", track.CauseTail: "tail", track.CauseHeads: "heads"} {
		m.fills[c] = fills.WithLabelValues(label)
	}
	add(m, followed{h})
	figure("streams", "Open streams.", func() float64 { return float64(h.Streams()) })
	figure("channels", "Channels held.", func() float64 { return float64(h.channels()) })
	figure("bus_doubt_seconds", "For how long the bus has been in doubt; 0: it is not. Meanwhile events come by the log's tail.",
		func() float64 { return h.Doubt().Seconds() })
	m.doubts = counter("bus_doubts_total", "How often the bus came in doubt.")
	m.questions = counter("head_queries_total", "Queries for heads of channels.")
	m.reads = counter("range_queries_total", "Queries for ranges of events.")
	m.epochs = counter("epoch_changes_total", "Changes of the log's epoch.")
	m.keptLives = counter("kept_lives_total", "Redis-kept channels that began a new life.")
	m.conflated = counter("conflated_events_total", "Events of conflated channels that were not sent to live streams, because newer ones were sent in their place.")
	m.ring = counter("ring_replays_total", "Events that streams had missed and got from memory. Those from the log are delivered_events_total with via=\"replay\"; bellhop_database_pages_total says which server had them.")
	m.waiting = gauge("waiting_channels", "Channels of streams that wait because Redis, which is their log, is away.")
	m.recent = gauge("recent_bytes", "Memory of the recent events that are kept for clients that reconnect.")
	m.resets = counter("resets_total", "bellhop.reset blocks written.")
	m.tailReads = counter("tail_reads_total", "Readings of the newest transactions.")
	m.tailCuts = counter("tail_cuts_total", "Readings of the tail that could not go on from the last one, so that all heads were read.")
	m.tailLast = gauge("tail_last_read_timestamp_seconds", "When the newest transactions were last read.")
	m.joins = seconds("join_seconds", "Time from the opening of a stream to its bellhop.ready.")
	m.age = seconds("event_age_seconds", "Age of an event, by the log's clock and this gateway's, when it is handed to the channel's streams."+
		" Replays for single streams are left out.")
	m.left = add(m, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "bellhop", Subsystem: "hub", Name: "retention_left_events",
		Help: "How many more events of its channel retention could have deleted before a stream lost one, when it came back or fell behind;" +
			" 0: it lost some. Streams that missed nothing are not counted, and neither are channels that conflate or have lost no event to retention.",
		Buckets: []float64{0, 1, 10, 100, 1000, 10_000},
	}, []string{"namespace"}))
	return m
}

// add has a metric registered with the others.
func add[C prometheus.Collector](m *metrics, c C) C {
	m.all = append(m.all, c)
	return c
}

func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	for _, c := range m.all {
		if err := r.Register(c); err != nil {
			return err
		}
	}
	return nil
}

// followed counts the channels that somebody follows when it is asked. Only namespaces
// with a policy are opened, so there are as many figures as policies. Of the people's
// inboxes it is the number of distinct people.
type followed struct{ h *Hub }

var followedDesc = prometheus.NewDesc("bellhop_hub_followed_channels",
	"Channels that open streams follow, by namespace. Of user it is the number of distinct people here.", []string{"namespace"}, nil)

// Describe implements prometheus.Collector.
func (f followed) Describe(to chan<- *prometheus.Desc) { to <- followedDesc }

// Collect implements prometheus.Collector.
func (f followed) Collect(to chan<- prometheus.Metric) {
	count := map[string]int{}
	f.h.held(func(c *channel) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.subs) > 0 {
			count[c.Name().Namespace()]++
		}
	})
	for namespace, n := range count {
		to <- prometheus.MustNewConstMetric(followedDesc, prometheus.GaugeValue, float64(n), namespace)
	}
}

var _ prometheus.Collector = followed{}
