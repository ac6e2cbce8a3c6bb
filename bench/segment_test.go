package bench

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/loadgen"
	"github.com/bellhop/bellhop/internal/testenv"
)

// segment is a short run of one server. Segments of all servers alternate, so
// that what else the machine does falls on all of them alike, and only ratios
// within a round are believed.
type segment struct {
	name   string
	server *testenv.Program
	crew   *loadgen.Crew
	send   func()
	// events is how many send sends: to each stream, or, if targeted, in all.
	events   int
	targeted bool
	floor    *segment // what it is compared with

	cpu, user []float64 // seconds for a million deliveries, by round
	allocs    []float64 // for each delivery, of the gateway
}

func (s *segment) run(r *rig) {
	r.b.Helper()
	deliveries := int64(s.events)
	if !s.targeted {
		deliveries *= int64(r.streams)
	}
	first, err := s.crew.Report()
	require.NoError(r.b, err)
	mallocs := r.metric("go_memstats_mallocs_total")
	before, err := loadgen.Sample(s.server.PID())
	require.NoError(r.b, err)
	s.send()
	r.await(s.crew, func(report loadgen.Report) bool { return report.Counts.Events-first.Counts.Events >= deliveries })
	after, err := loadgen.Sample(s.server.PID())
	require.NoError(r.b, err)
	million := float64(deliveries) / 1e6
	s.cpu = append(s.cpu, (after.CPU()-before.CPU()).Seconds()/million)
	s.user = append(s.user, (after.User-before.User).Seconds()/million)
	if s.server == r.gateway {
		s.allocs = append(s.allocs, (r.metric("go_memstats_mallocs_total")-mallocs)/float64(deliveries))
	}
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

// table shows medians.
func table(segments []*segment) string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tCPU s a million\tof it user\tto the raw loop\tallocations each\t")
	for _, s := range segments {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t\n", s.name, median(s.cpu), median(s.user), median(s.ratios()), median(s.allocs))
	}
	_ = w.Flush() // into memory
	return out.String()
}

// median is empty where nothing was measured.
func median(v []float64) string {
	if len(v) == 0 {
		return ""
	}
	v = slices.Sorted(slices.Values(v))
	return fmt.Sprintf("%.2f", (v[(len(v)-1)/2]+v[len(v)/2])/2)
}
