// Package report keeps what the benchmark of the whole system measured, and
// writes it for people: tables and charts in docs/performance.md.
package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// Figures are the measurements of a machine. A part that was not measured is nil.
type Figures struct {
	Deliveries *Deliveries `json:"deliveries,omitempty"`
	Streams    *Streams    `json:"streams,omitempty"`
	Posts      *Posts      `json:"posts,omitempty"`
	Connects   *Connects   `json:"connects,omitempty"`
}

// Deliveries is what carrying an event to a stream costs.
type Deliveries struct {
	Streams int    `json:"streams"` // of each kind
	Rounds  int    `json:"rounds"`
	Machine string `json:"machine"`
	Kinds   []Kind `json:"kinds"`
	// Memory is what the servers beside the gateway hold for a stream, in bytes
	// over their start, by name.
	Memory map[string]float64 `json:"memory"`
}

// Kind is one kind of traffic on one server. The figures are medians over the
// rounds, unless they say otherwise.
type Kind struct {
	Name string  `json:"name"`
	CPU  float64 `json:"cpu"` // seconds for a million deliveries
	// User is the part of it outside the kernel: the mean, since it is counted in
	// hundredths of a second, and a round may have none or one of them.
	User float64 `json:"user"`
	// Ratio is to the floor's CPU in the same round, and Allocs counts those of
	// one delivery. Zero: not looked at.
	Ratio  float64 `json:"ratio,omitempty"`
	Ratios Range   `json:"ratios,omitzero"`
	Allocs float64 `json:"allocs,omitempty"`
	Ours   bool    `json:"ours,omitempty"` // it is a gateway's
}

// Range is how far the rounds of a figure differ. Its zero value is not known.
type Range struct {
	Least float64 `json:"least"`
	Most  float64 `json:"most"`
}

// RangeOf is the range of v.
func RangeOf(v []float64) Range {
	if len(v) == 0 {
		return Range{}
	}
	return Range{slices.Min(v), slices.Max(v)}
}

// Streams is what streams of an inbox each cost. The figures are medians over the
// rounds.
type Streams struct {
	Streams    int     `json:"streams"`
	Rounds     int     `json:"rounds"`
	Machine    string  `json:"machine"`
	Goroutines float64 `json:"goroutines"` // of all streams together
	Came       float64 `json:"came"`       // bytes for each, over the start, when the last has just come
	Settled    float64 `json:"settled"`    // ... at the end of the idle time
	Connect    float64 `json:"connect"`    // CPU seconds of all coming at once
	Half       float64 `json:"half"`       // seconds from a connect to its bellhop.ready, for half of them
	All        float64 `json:"all"`        // ... and all of them
	Return     float64 `json:"return"`     // CPU seconds of all coming back with a cursor
	Idle       float64 `json:"idle"`       // seconds
	IdleCPU    float64 `json:"idle_cpu"`   // CPU seconds in that time

	SettledRange Range `json:"settled_range,omitzero"`
	IdleCPURange Range `json:"idle_cpu_range,omitzero"`

	Rate    float64 `json:"rate"` // events a second, each to one stream
	Events  int64   `json:"events"`
	Latency []Delay `json:"latency"`
}

// Connects is what clients cost that come with a token and a cursor. The figures are
// medians over the rounds.
type Connects struct {
	Clients int    `json:"clients"`
	Rounds  int    `json:"rounds"`
	Machine string `json:"machine"`
	Ways    []Way  `json:"ways"`
	// Live is how long events take to streams that are there, while nobody comes and
	// while all come.
	Live []Delay `json:"live"`
}

// Way is one way to come.
type Way struct {
	Name   string  `json:"name"`
	CPU    float64 `json:"cpu"`  // seconds for each, of the gateway
	Bare   float64 `json:"bare"` // the same of a server that keeps the socket
	Ratio  float64 `json:"ratio"`
	Ratios Range   `json:"ratios,omitzero"`
	Allocs float64 `json:"allocs"`
}

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

// Delay is the distribution of one way's time, in seconds.
type Delay struct {
	Name string  `json:"name"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
}

// Median is the value in the middle of v, or between the two that are; 0 for none.
func Median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// Mean is the mean of v; 0 for none.
func Mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(max(len(v), 1))
}

// Load reads what Save wrote. A file that does not exist holds nothing.
func Load(file string) (*Figures, error) {
	f := new(Figures)
	text, err := os.ReadFile(file) //nolint:gosec // the caller names its file
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err == nil {
		err = json.Unmarshal(text, f)
	}
	if err != nil {
		return nil, fmt.Errorf("figures: %w", err)
	}
	return f, nil
}

// Save writes the figures as JSON.
func (f *Figures) Save(file string) error {
	text, err := json.MarshalIndent(f, "", "  ")
	if err == nil {
		err = os.WriteFile(file, append(text, '\n'), 0o644) //nolint:gosec // for everybody to read
	}
	if err != nil {
		return fmt.Errorf("figures: %w", err)
	}
	return nil
}
