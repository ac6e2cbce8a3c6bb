package loadgen

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"
)

// Summary writes the result for a person.
func (r *Result) Summary(out io.Writer) {
	for i := range r.Phases {
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		r.phase(w, &r.Phases[i])
		_ = w.Flush() // a summary that can't be written has nobody to be told
	}
	c := &r.Final.Counts
	fmt.Fprintf(out, "\n%d events on %d streams: %d lost, %d twice, %d malformed, %d resets, %d missing; %d connects, %d refused, %d broken\n",
		c.Events, r.Streams, c.Lost, c.Duplicates, c.Malformed, c.Resets, r.Missing, c.Connects, c.Refused, c.Broken)
}

func (r *Result) phase(w io.Writer, p *Phase) {
	fmt.Fprintf(w, "%s\t%v\n", p.Name, p.Took.Round(time.Millisecond))
	for _, name := range slices.Sorted(maps.Keys(p.Usage)) {
		u := p.Usage[name]
		fmt.Fprintf(w, "  %s\tcpu %v (user %v)\tmemory %.1f MiB, %.0f bytes a stream over the start\n",
			name, u.CPU(), u.User, float64(u.RSS)/(1<<20), float64(u.RSS-r.Before[name].RSS)/float64(r.Streams))
		if p.Delivered > 0 {
			million := float64(p.Delivered) / 1e6
			fmt.Fprintf(w, "  \tfor a million deliveries\t%.2f s, user %.2f s\n",
				u.CPU().Seconds()/million, u.User.Seconds()/million)
		}
	}
	fmt.Fprintf(w, "  clients\tcpu %v\n", p.Workers.Round(10*time.Millisecond))
	if p.Published != nil {
		fmt.Fprintf(w, "  published\t%d events in %d posts, %d failed %s\t%d deliveries\n",
			p.Published.Events, p.Published.Posts, p.Published.Failed, p.Published.Error, p.Delivered)
		quantiles(w, "post to answer", &p.Published.Commit)
	}
	if p.Latencies != nil {
		quantiles(w, "post to receipt", &p.Latencies.Post)
		quantiles(w, "append to receipt", &p.Latencies.Append)
	}
	if p.Joins != nil {
		quantiles(w, "connect to ready", p.Joins)
	}
}

func quantiles(w io.Writer, name string, h *Histogram) {
	if h.Count() == 0 {
		return
	}
	round := func(q float64) time.Duration { return h.Quantile(q).Round(10 * time.Microsecond) }
	fmt.Fprintf(w, "  %s\tp50 %v\tp90 %v\tp99 %v\tp99.9 %v\tmax %v\n",
		name, round(0.5), round(0.9), round(0.99), round(0.999), h.Most.Round(10*time.Microsecond))
}
