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
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "bellhop", Subsystem: "hub", Name: name, Help: help})
		m.all = append(m.all, c)
		return c
	}
	for v, label := range vias {
		m.all = append(m.all, prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: "bellhop", Subsystem: "hub", Name: "delivered_events_total",
			Help:        "Events handed to streams, by how they came: over the bus, by filling a gap, or by replay from the log.",
			ConstLabels: prometheus.Labels{"via": label},
		}, func() float64 { return float64(m.delivered[v].Load()) }))
	}
	fills := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "bellhop", Subsystem: "hub", Name: "fills_total",
		Help: "Gaps in channels that were filled from the log, by what showed them.",
	}, []string{"cause"})
	for c, label := range map[track.Cause]string{track.CauseBus: "bus", track.CauseTail: "tail", track.CauseHeads: "heads"} {
		m.fills[c] = fills.WithLabelValues(label)
	}
	m.all = append(m.all, fills,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "bellhop", Subsystem: "hub", Name: "streams", Help: "Open streams.",
		}, func() float64 { return float64(h.Streams()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "bellhop", Subsystem: "hub", Name: "channels", Help: "Channels held.",
		}, func() float64 {
			n := 0
			h.held(func(*channel) { n++ })
			return float64(n)
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "bellhop", Subsystem: "hub", Name: "bus_doubt_seconds",
			Help: "For how long the bus has been in doubt; 0: it is not. Meanwhile events come by the log's tail.",
		}, func() float64 { return h.Doubt().Seconds() }),
		followed{h})
	m.doubts = counter("bus_doubts_total", "How often the bus came in doubt.")
	m.questions = counter("head_queries_total", "Queries for heads of channels.")
	m.reads = counter("range_queries_total", "Queries for ranges of events.")
	m.epochs = counter("epoch_changes_total", "Changes of the log's epoch.")
	m.keptLives = counter("kept_lives_total", "Redis-kept channels that began a new life.")
	m.conflated = counter("conflated_events_total", "Events of conflated channels that were not sent to live streams, because newer ones were sent in their place.")
	m.ring = counter("ring_replays_total", "Events that streams had missed and got from memory. Those from the log are delivered_events_total with via=\"replay\"; bellhop_database_pages_total says which server had them.")
	m.waiting = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "bellhop", Subsystem: "hub", Name: "waiting_channels",
		Help: "Channels of streams that wait because Redis, which is their log, is away.",
	})
	m.recent = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "bellhop", Subsystem: "hub", Name: "recent_bytes",
		Help: "Memory of the recent events that are kept for clients that reconnect.",
	})
	m.resets = counter("resets_total", "bellhop.reset blocks written.")
	m.tailReads = counter("tail_reads_total", "Readings of the newest transactions.")
	m.tailCuts = counter("tail_cuts_total", "Readings of the tail that could not go on from the last one, so that all heads were read.")
	m.tailLast = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "bellhop", Subsystem: "hub", Name: "tail_last_read_timestamp_seconds",
		Help: "When the newest transactions were last read.",
	})
	m.joins = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: "bellhop", Subsystem: "hub", Name: "join_seconds",
		Help:    "Time from the opening of a stream to its bellhop.ready.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	})
	m.age = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: "bellhop", Subsystem: "hub", Name: "event_age_seconds",
		Help: "Age of an event, by the log's clock and this gateway's, when it is handed to the channel's streams." +
			" Replays for single streams are left out.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	})
	m.left = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "bellhop", Subsystem: "hub", Name: "retention_left_events",
		Help: "How many more events of its channel retention could have deleted before a stream lost one, when it came back or fell behind;" +
			" 0: it lost some. Streams that missed nothing are not counted, and neither are channels that conflate or have lost no event to retention.",
		Buckets: []float64{0, 1, 10, 100, 1000, 10_000},
	}, []string{"namespace"})
	m.all = append(m.all, m.waiting, m.recent, m.tailLast, m.joins, m.age, m.left)
	return m
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
