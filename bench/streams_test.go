package bench

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/bench/report"
	"github.com/bellhop/bellhop/internal/testkit/loadgen"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const (
	heldVariable       = "BELLHOP_BENCH_HELD"        // streams of BenchmarkStreams; default 200
	heldRoundsVariable = "BELLHOP_BENCH_HELD_ROUNDS" // of them, each with a new gateway; default 1
	// settle is how long a gateway is left alone before it counts as idle: its
	// streams have come, and it has given back what it needed for that.
	settle = 15 * time.Second
)

// BenchmarkStreams holds streams of one inbox each on a gateway, and tells what
// they cost: coming, idle, at 2000 targeted events a second, and in a storm of
// reconnects.
func BenchmarkStreams(b *testing.B) {
	r := newTestbed(b, testenv.Setting(b, heldVariable, 200))
	rounds := testenv.Setting(b, heldRoundsVariable, 1)
	var held []holding
	for b.Loop() {
		for round := range rounds {
			progressf("round %d of %d: %d streams on a new gateway and a new log", round+1, rounds, r.streams)
			r.renew(1)
			held = append(held, r.holdAlone())
		}
	}
	s := sum(held)
	s.Machine = machine(b)
	publish(b, func(f *report.Figures) { f.Streams = s })
}

// holding is a round of BenchmarkStreams.
type holding struct {
	loadgen.Result
	goroutines float64
	idle       time.Duration
}

func (r *testbed) holdAlone() holding {
	r.b.Helper()
	self, err := os.Executable()
	require.NoError(r.b, err)
	gateway := r.gateways[0]
	h := holding{idle: time.Duration(testenv.Setting(r.b, idleVariable, 1)) * time.Second}
	before := r.metric(gateway, "go_goroutines")
	wait := settle
	if h.idle < settle {
		wait = 0 // nobody looks at figures of so short a time
	}
	h.Result, err = loadgen.Run(r.b.Context(), loadgen.Plan{
		Population: loadgen.Population{Gateways: []string{gateway.URL}, Inbox: true, Secret: secret, Sources: r.streams/5000 + 1},
		Streams:    r.streams, Processes: 1, Settle: wait, Idle: h.idle, Storms: 1,
		Traffic: loadgen.Traffic{
			Notifiers: []string{r.notifier.URL}, Key: serviceKey, Rate: 2000, Duration: h.idle, Size: dataSize,
		},
		PIDs:   map[string]int{"gateway": gateway.PID(), "notifier": r.notifier.PID()},
		Worker: []string{self, "worker"},
		Sampled: func(phase string) {
			progressf("  %s is over", phase)
			if phase == "idle" {
				h.goroutines = max(r.metric(gateway, "go_goroutines")-before, 0)
			}
		},
	})
	require.NoError(r.b, err)
	require.True(r.b, h.Sound(), "%+v", h.Final.Counts)
	fmt.Fprintln(os.Stdout)
	h.Summary(os.Stdout)
	fmt.Fprintf(os.Stdout, "goroutines for %d streams: %.0f\n", r.streams, h.goroutines)
	return h
}

// sum takes the medians of all rounds, and says how far some of them differ.
func sum(held []holding) *report.Streams {
	values := func(figure func(h *holding) float64) []float64 {
		values := make([]float64, len(held))
		for i := range held {
			values[i] = figure(&held[i])
		}
		return values
	}
	median := func(figure func(h *holding) float64) float64 { return report.Median(values(figure)) }
	phase := func(h *holding, name string) *loadgen.Phase {
		return &h.Phases[slices.IndexFunc(h.Phases, func(p loadgen.Phase) bool { return p.Name == name })]
	}
	memory := func(name string) []float64 {
		return values(func(h *holding) float64 {
			return float64(phase(h, name).Usage["gateway"].RSS-h.Before["gateway"].RSS) / float64(h.Streams)
		})
	}
	cpu := func(name string) []float64 {
		return values(func(h *holding) float64 { return phase(h, name).Usage["gateway"].CPU().Seconds() })
	}
	joined := func(q float64) float64 {
		return median(func(h *holding) float64 { return phase(h, "connect").Joins.Quantile(q).Seconds() })
	}
	settled, idle := memory("idle"), cpu("idle")
	s := &report.Streams{
		Streams: held[0].Streams, Rounds: len(held),
		Goroutines: median(func(h *holding) float64 { return h.goroutines }),
		Came:       report.Median(memory("connect")),
		Settled:    report.Median(settled), SettledRange: report.RangeOf(settled),
		Connect: report.Median(cpu("connect")), Half: joined(0.5), All: joined(1), Return: report.Median(cpu("storm")),
		Idle: held[0].idle.Seconds(), IdleCPU: report.Median(idle), IdleCPURange: report.RangeOf(idle),
		Rate: 2000, Events: phase(&held[0], "traffic").Published.Events,
	}
	for _, way := range []struct {
		name string
		of   func(p *loadgen.Phase) *loadgen.Histogram
	}{
		{"POST to answer", func(p *loadgen.Phase) *loadgen.Histogram { return &p.Published.Commit }},
		{"POST to receipt", func(p *loadgen.Phase) *loadgen.Histogram { return &p.Latencies.Post }},
		{"append to receipt", func(p *loadgen.Phase) *loadgen.Histogram { return &p.Latencies.Append }},
	} {
		at := func(q float64) float64 {
			return median(func(h *holding) float64 { return way.of(phase(h, "traffic")).Quantile(q).Seconds() })
		}
		s.Latency = append(s.Latency, report.Delay{Name: way.name, P50: at(0.5), P90: at(0.9), P99: at(0.99), P999: at(0.999)})
	}
	return s
}
