package report

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Textbook names the handler that one would write first among the servers that
// the gateway is compared with.
const Textbook = "textbook handler"

// Names of the charts, beside the document.
const (
	deliveryChart = "performance-delivery.svg"
	memoryChart   = "performance-memory.svg"
	latencyChart  = "performance-latency.svg"
)

// ErrMarkers tells that the document has no place for a table.
var ErrMarkers = errors.New("no markers in the document")

// Write puts the figures into a document: each table between the two comments
// that mark its place, and the charts as files beside it. Parts that were not
// measured stay as they are.
func (f *Figures) Write(document string) error {
	text, err := os.ReadFile(document) //nolint:gosec // the caller names its document
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	s := string(text)
	put := func(part, content string) {
		if err == nil {
			s, err = between(s, part, content)
		}
	}
	charts := make(map[string]*chart)
	var others map[string]float64
	if d := f.Deliveries; d != nil {
		others = d.Memory
		put("deliveries", d.table())
		charts[deliveryChart] = d.chart()
	}
	if st := f.Streams; st != nil {
		put("streams", st.table(others))
		put("latency", st.delays())
		charts[memoryChart], charts[latencyChart] = st.memory(others), st.latency()
	}
	if f.Posts != nil {
		put("posts", f.Posts.Table())
	}
	if f.Connects != nil {
		put("connects", f.Connects.Table())
	}
	if err != nil {
		return err
	}
	for name, c := range charts {
		if err := save(filepath.Join(filepath.Dir(document), name), c.svg()); err != nil {
			return err
		}
	}
	return save(document, []byte(s))
}

func save(file string, content []byte) error {
	if err := os.WriteFile(file, content, 0o644); err != nil { //nolint:gosec // for everybody to read
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// between replaces what stands between a part's markers.
func between(text, part, content string) (string, error) {
	begin, end := "<!-- begin "+part+" -->\n", "<!-- end "+part+" -->"
	before, rest, ok := strings.Cut(text, begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return "", fmt.Errorf("%w: %s", ErrMarkers, part)
	}
	return before + begin + content + end + after, nil
}

func (d *Deliveries) chart() *chart {
	c := &chart{title: "What a delivery costs", unit: "CPU seconds for a million", tints: []string{"user", "kernel"}}
	for _, k := range d.Kinds {
		note := fmt.Sprintf("%.1f", k.CPU)
		if k.Ratio > 0 {
			note += fmt.Sprintf(", %.2f of raw", k.Ratio)
		}
		c.bars = append(c.bars, bar{
			label: k.Name, note: note, faint: !k.Ours,
			parts: []part{{k.User, 0}, {max(k.CPU-k.User, 0), 1}},
		})
	}
	return c
}

func (s *Streams) memory(others map[string]float64) *chart {
	c := &chart{title: "What an idle stream holds", unit: "KB of the process's memory"}
	add := func(label string, bytes float64, faint bool) {
		if bytes > 0 {
			c.bars = append(c.bars, bar{label: label, note: size(bytes), faint: faint, parts: []part{{bytes / 1000, 0}}})
		}
	}
	add(Textbook, others[Textbook], true)
	add("gateway, all have just come", s.Came, false)
	add("gateway, settled", s.Settled, false)
	return c
}

func (s *Streams) latency() *chart {
	c := &chart{title: "How long an event is under way", unit: "milliseconds"}
	for _, d := range s.Latency {
		for _, q := range []struct {
			name  string
			value float64
		}{{"p50", d.P50}, {"p90", d.P90}, {"p99", d.P99}, {"p99.9", d.P999}} {
			c.bars = append(c.bars, bar{label: d.Name + ", " + q.name, note: span(q.value), parts: []part{{q.value * 1000, 0}}})
		}
	}
	return c
}
