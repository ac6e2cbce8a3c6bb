package rival

import (
	"fmt"
	"os"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/bench/report"
	"github.com/bellhop/bellhop/internal/testkit/loadgen"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// Settings. The defaults only show that it works.
const (
	streamsVariable = "BELLHOP_BENCH_STREAMS" // on each server; default 200
	roundsVariable  = "BELLHOP_BENCH_ROUNDS"  // default 1
	// Where nchan's module and the other programs are. Default: Bellhop runs alone.
	nchanVariable      = "BELLHOP_BENCH_NCHAN"
	mercureVariable    = "BELLHOP_BENCH_MERCURE"
	centrifugoVariable = "BELLHOP_BENCH_CENTRIFUGO"
	settleVariable     = "BELLHOP_BENCH_SECONDS" // that streams are left alone before memory is looked at; default 0
)

const (
	events = 50 // broadcast, each to all streams
	pause  = 200 * time.Millisecond
)

// figures of one server, one value for each round.
type figures struct {
	memory    []float64 // bytes of a stream on a channel of its own
	come      []float64 // CPU seconds of all streams coming at once
	broadcast []float64 // CPU seconds for a million deliveries
}

// BenchmarkBeside holds streams on a channel each, and then on one channel that
// events are broadcast to.
func BenchmarkBeside(b *testing.B) {
	streams, rounds := testenv.Setting(b, streamsVariable, 200), testenv.Setting(b, roundsVariable, 1)
	start := []func() *server{func() *server { return bellhop(b) }}
	for _, other := range []struct {
		variable string
		start    func(b *testing.B, file string) *server
	}{
		{nchanVariable, func(b *testing.B, file string) *server { b.Helper(); return nchan(b, file, streams) }},
		{mercureVariable, mercure},
		{centrifugoVariable, centrifugo},
	} {
		if file := os.Getenv(other.variable); file != "" {
			start = append(start, func() *server { return other.start(b, file) })
		}
	}
	measured := make(map[string]*figures)
	var names []string
	for b.Loop() {
		for range rounds {
			for _, s := range start {
				s := s() // a new one in each round
				f := measured[s.name]
				if f == nil {
					f = new(figures)
					measured[s.name] = f
					names = append(names, s.name)
				}
				f.measure(b, s, streams)
			}
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\n%d streams, medians of %d rounds\n\tKB a stream\tCPU s for all to come\tCPU s a million deliveries\t\n", streams, rounds)
	for _, name := range names {
		f := measured[name]
		fmt.Fprintf(w, "%s\t%.1f\t%.2f\t%.1f\t\n", name, report.Median(f.memory)/1000, report.Median(f.come), report.Median(f.broadcast))
	}
	require.NoError(b, w.Flush())
}

func (f *figures) measure(b *testing.B, s *server, streams int) {
	b.Helper()
	before := sample(b, s)
	own := startPool(b, streams, s, "own%d")
	came := sample(b, s)
	<-time.After(time.Duration(testenv.Setting(b, settleVariable, 0)) * time.Second)
	f.come = append(f.come, (came.CPU() - before.CPU()).Seconds())
	f.memory = append(f.memory, float64(sample(b, s).RSS-before.RSS)/float64(streams))
	own.leave(b)

	all := startPool(b, streams, s, "one")
	s.publish(b, "one", payload()) // the channel and the publisher's connection are made
	all.await(b, s, int64(streams))
	before = sample(b, s)
	for range events {
		s.publish(b, "one", payload())
		<-time.After(pause)
	}
	all.await(b, s, int64(streams)*(events+1))
	f.broadcast = append(f.broadcast, (sample(b, s).CPU()-before.CPU()).Seconds()/(float64(streams)*events/1e6))
	all.leave(b)
}

func sample(b *testing.B, s *server) loadgen.Usage {
	b.Helper()
	u, err := loadgen.Sample(s.pid)
	require.NoError(b, err)
	return u
}
