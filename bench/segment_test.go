package bench

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/bench/report"
	"github.com/bellhop/bellhop/internal/testkit/loadgen"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// segment is a short run of one server. Segments of all servers alternate, so
// that what else the machine does falls on all of them alike, and only ratios
// within a round are believed.
type segment struct {
	name   string
	server *testenv.Program
	pool   *loadgen.Pool
	send   func()
	// events is how many send sends: to each stream, or, if targeted, in all.
	events   int
	targeted bool
	floor    *segment // what it is compared with
	ours     bool     // it is a gateway's

	cpu, user []float64 // seconds for a million deliveries, by round
	allocs    []float64 // for each delivery, of a gateway
}

// run sends the segment's events and waits until all have come. What that took is
// noted if it counts.
func (s *segment) run(r *testbed, counts bool) {
	r.b.Helper()
	deliveries := int64(s.events)
	if !s.targeted {
		deliveries *= int64(r.streams)
	}
	first, err := s.pool.Report()
	require.NoError(r.b, err)
	mallocs := 0.0
	if s.ours {
		mallocs = s.mallocs(r)
	}
	before, err := loadgen.Sample(s.server.PID())
	require.NoError(r.b, err)
	s.send()
	r.await(s.pool, func(report loadgen.Report) bool { return report.Counts.Events-first.Counts.Events >= deliveries })
	after, err := loadgen.Sample(s.server.PID())
	require.NoError(r.b, err)
	if !counts {
		return
	}
	million := float64(deliveries) / 1e6
	s.cpu = append(s.cpu, (after.CPU()-before.CPU()).Seconds()/million)
	s.user = append(s.user, (after.User-before.User).Seconds()/million)
	if s.ours {
		s.allocs = append(s.allocs, max(r.metric(s.server, mallocsMetric)-mallocs, 0)/float64(deliveries))
	}
}

const mallocsMetric = "go_memstats_mallocs_total"

// mallocs is how many allocations the next question will find if nothing happens
// until then: the question makes some of its own, as many as the last one did.
func (s *segment) mallocs(r *testbed) float64 {
	r.b.Helper()
	first := r.metric(s.server, mallocsMetric)
	second := r.metric(s.server, mallocsMetric)
	return second + (second - first)
}

// ratios are those to the floor's segment of the same round.
func (s *segment) ratios() (ratios []float64) {
	for i, cpu := range s.cpu {
		if s.floor != nil && s.floor.cpu[i] > 0 {
			ratios = append(ratios, cpu/s.floor.cpu[i])
		}
	}
	return ratios
}

// kind sums the segment's rounds up.
func (s *segment) kind() report.Kind {
	ratios := s.ratios()
	return report.Kind{
		Name: s.name, Ours: s.ours, CPU: report.Median(s.cpu), User: report.Mean(s.user),
		Ratio: report.Median(ratios), Ratios: report.RangeOf(ratios), Allocs: report.Median(s.allocs),
	}
}

// table shows medians.
func table(kinds []report.Kind) string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tCPU s a million\tof it user\tto the raw loop\tleast\tmost\tallocations each\t")
	for _, k := range kinds {
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.3f\t\n", k.Name, k.CPU, k.User, k.Ratio, k.Ratios.Least, k.Ratios.Most, k.Allocs)
	}
	_ = w.Flush() // into memory
	return out.String()
}
