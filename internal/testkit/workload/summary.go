package workload

import (
	"fmt"
	"slices"
	"time"
)

// Quantiles returns the median and the 99th percentile of the latencies of
// events received in [from, to); zeros if there are none.
func (r *Report) Quantiles(from, to time.Time) (median, p99 time.Duration) {
	var d []time.Duration
	for _, l := range r.Latencies {
		if !l.At.Before(from) && l.At.Before(to) {
			d = append(d, l.D)
		}
	}
	if len(d) == 0 {
		return 0, 0
	}
	slices.Sort(d)
	return d[len(d)/2], d[len(d)*99/100]
}

// because keeps why a connection failed, for the first few that did.
func (r *Report) because(err error) {
	if len(r.Causes) < 5 {
		r.Causes = append(r.Causes, fmt.Sprintf("%v: %v", time.Now().Format(time.TimeOnly), err))
	}
}

// String is one line.
func (r *Report) String() string {
	return fmt.Sprintf("%d acknowledged (%d retries), %d received (%d live, %d replayed), %d connects, %d refused, %d unclean ends, %d resets, %d violations %q",
		r.Acked, r.Retries, r.Received, r.Live, r.Replayed, r.Connects, r.Refused, r.Unclean, r.Resets, len(r.Violations), r.Causes)
}
