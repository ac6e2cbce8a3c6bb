package report

import (
	"fmt"
	"strings"
)

// Posts is what taking an event costs. The figures are medians over the rounds.
type Posts struct {
	Rounds  int        `json:"rounds"`
	Machine string     `json:"machine"`
	Kinds   []PostKind `json:"kinds"`
}

// PostKind is one kind of traffic.
type PostKind struct {
	Name string  `json:"name"`
	Rate float64 `json:"rate"` // events a second
	// CPU and Bare are the processor seconds of one event, and of a request to the
	// bare server in the same round; Ratio is one to the other.
	CPU    float64 `json:"cpu"`
	Bare   float64 `json:"bare,omitempty"`
	Ratio  float64 `json:"ratio,omitempty"`
	Ratios Range   `json:"ratios,omitzero"`
	Allocs float64 `json:"allocs"` // of one event
	P50    float64 `json:"p50"`    // seconds to the answer
	P99    float64 `json:"p99"`
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
