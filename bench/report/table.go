package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// table renders the deliveries as Markdown.
func (d *Deliveries) table() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s, %s streams of each kind, on %s.%s\n\n", medians(d.Rounds), thousands(d.Streams), d.Machine, brackets(d.Rounds))
	out.WriteString("| traffic | CPU s per million | of it user | to the raw loop | allocations |\n|---|---|---|---|---|\n")
	for _, k := range d.Kinds {
		name, ratio, allocs := k.Name, "1", ""
		if k.Ratio > 0 {
			ratio = fmt.Sprintf("%.2f", k.Ratio)
		}
		if k.Ours {
			name, ratio, allocs = "**"+name+"**", "**"+ratio+"**", precise(k.Allocs)
		}
		ratio += k.Ratios.table(d.Rounds, "%.2f", 1)
		fmt.Fprintf(&out, "| %s | %.1f | %.2f | %s | %s |\n", name, k.CPU, k.User, ratio, allocs)
	}
	return out.String()
}

// table renders the streams' costs as Markdown.
func (s *Streams) table(others map[string]float64) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s, %s streams on an inbox each, on %s.%s\n\n", medians(s.Rounds), thousands(s.Streams), s.Machine, brackets(s.Rounds))
	out.WriteString("| figure | measured |\n|---|---|\n")
	row := func(name, format string, values ...any) {
		fmt.Fprintf(&out, "| %s | "+format+" |\n", append([]any{name}, values...)...)
	}
	row("goroutines, of all streams together", "%.0f", s.Goroutines)
	textbook := ""
	if b := others[Textbook]; b > 0 {
		textbook = fmt.Sprintf(" (the textbook handler: %s)", size(b))
	}
	row("memory of a stream, when all have just come", "%s", size(s.Came))
	row("memory of a stream, settled", "**%s**%s%s", size(s.Settled), s.SettledRange.table(s.Rounds, "%.1f", 1e-3), textbook)
	row("all come at once, with tokens", "%.1f CPU seconds; from connect to live: half within %s, all within %s",
		s.Connect, span(s.Half), span(s.All))
	row("they come back with a cursor", "%.1f CPU seconds", s.Return)
	row("idle, a heartbeat every 20 s", "%.2f %% of a core%s", 100*s.IdleCPU/s.Idle, s.IdleCPURange.table(s.Rounds, "%.2f", 100/s.Idle))
	return out.String()
}

// Table renders the posts as Markdown.
func (p *Posts) Table() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s, on %s.%s\n\n", medians(p.Rounds), p.Machine, brackets(p.Rounds))
	out.WriteString("| traffic | events/s | CPU µs an event | to the bare server | allocations | answer p50 | p99 |\n|---|---|---|---|---|---|---|\n")
	for _, k := range p.Kinds {
		ratio := ""
		if k.Ratio > 0 {
			ratio = fmt.Sprintf("**%.2f**", k.Ratio) + k.Ratios.table(p.Rounds, "%.2f", 1)
		}
		fmt.Fprintf(&out, "| %s | %s | %.0f | %s | %.0f | %s | %s |\n", k.Name, thousands(int(k.Rate)), 1e6*k.CPU, ratio, k.Allocs, span(k.P50), span(k.P99))
	}
	return out.String()
}

// Table renders the connects' costs as Markdown.
func (c *Connects) Table() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s, %s clients, on %s.%s\n\n", medians(c.Rounds), thousands(c.Clients), c.Machine, brackets(c.Rounds))
	out.WriteString("| they come | CPU s per 10,000 | bare | to bare | allocations |\n|---|---|---|---|---|\n")
	for _, w := range c.Ways {
		fmt.Fprintf(&out, "| %s | %.2f | %.2f | **%.2f**%s | %.0f |\n", w.Name, 1e4*w.CPU, 1e4*w.Bare, w.Ratio, w.Ratios.table(c.Rounds, "%.2f", 1), w.Allocs)
	}
	out.WriteString("\n| POST to receipt, of live streams | p50 | p90 | p99 | p99.9 |\n|---|---|---|---|---|\n")
	rows(&out, c.Live)
	return out.String()
}

// delays renders the latencies as Markdown.
func (s *Streams) delays() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s events a second, each published alone to one of %s inboxes; %s events a round, none lost or doubled.\n%s, on %s.\n\n",
		thousands(int(s.Rate)), thousands(s.Streams), thousands(int(s.Events)), medians(s.Rounds), s.Machine)
	out.WriteString("| | p50 | p90 | p99 | p99.9 |\n|---|---|---|---|---|\n")
	rows(&out, s.Latency)
	return out.String()
}

func rows(out *strings.Builder, delays []Delay) {
	for _, d := range delays {
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s |\n", d.Name, span(d.P50), span(d.P90), span(d.P99), span(d.P999))
	}
}

// table renders the range, in another unit, behind the median of several rounds.
func (r Range) table(rounds int, format string, unit float64) string {
	if rounds < 2 || r == (Range{}) {
		return ""
	}
	return fmt.Sprintf(" ("+format+" to "+format+")", r.Least*unit, r.Most*unit)
}

func brackets(rounds int) string {
	if rounds < 2 {
		return ""
	}
	return " In brackets: the least and the most of the rounds."
}

func medians(rounds int) string {
	if rounds == 1 {
		return "One round"
	}
	return fmt.Sprintf("Medians of %d rounds", rounds)
}

// thousands writes 15000 as 15,000.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// precise shows small numbers of allocations to two digits that mean something.
func precise(v float64) string {
	switch {
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 0.1:
		return fmt.Sprintf("%.2f", v)
	default:
		return fmt.Sprintf("%.3f", v)
	}
}

func size(bytes float64) string {
	if bytes < 1000 {
		return fmt.Sprintf("%.0f bytes", bytes)
	}
	return fmt.Sprintf("%.1f KB", bytes/1000)
}

func span(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d >= time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.1f ms", d.Seconds()*1000)
}
