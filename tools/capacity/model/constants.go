// Package model says how many machines some people need, what of them is used up
// first, and what a disturbance costs. It computes from constants that benchmarks
// have written, and does nothing else.
package model

import (
	_ "embed"
	"encoding/json"
	"math"
)

// Part is what one kind of process costs: in cores, and, where something comes or
// happens, in seconds of processor time for each.
type Part struct {
	Base     float64 `json:"base"`     // cores, of one process
	Gateway  float64 `json:"gateway"`  // cores, for each gateway of the fleet
	Stream   float64 `json:"stream"`   // cores, for each open stream
	Connect  float64 `json:"connect"`  // seconds, for each stream that comes
	Event    float64 `json:"event"`    // seconds, for each event that is published
	Group    float64 `json:"group"`    // cores, times the root of the events: the more of them come, the more share a transaction
	Delivery float64 `json:"delivery"` // seconds, for each event that reaches a stream
	Tail     float64 `json:"tail"`     // seconds, for each event and each gateway
	Memory   float64 `json:"memory"`   // bytes of a process without streams
	Held     float64 `json:"held"`     // bytes of memory, for each open stream
}

// Load is what happens to all processes of a kind together, in a second.
type Load struct{ Processes, Gateways, Streams, Connects, Events, Deliveries float64 }

// Cores is how much processor time a load takes, in cores.
func (p Part) Cores(l Load) float64 {
	return p.Base*l.Processes + p.Gateway*l.Gateways + p.Stream*l.Streams + p.Connect*l.Connects +
		p.Event*l.Events + p.Group*math.Sqrt(l.Events) + p.Delivery*l.Deliveries + p.Tail*l.Events*l.Gateways
}

// Bytes is how much memory the processes take together.
func (p Part) Bytes(l Load) float64 { return p.Memory*l.Processes + p.Held*l.Streams }

// Constants are what was measured.
type Constants struct {
	Machine  string `json:"machine"`
	Date     string `json:"date"`
	Gateway  Part   `json:"gateway"`
	Nginx    Part   `json:"nginx"`
	Notifier Part   `json:"notifier"`
	Redis    Part   `json:"redis"`
	Primary  Part   `json:"primary"`
	// Bytes of an event: through Redis, in the table, and in the primary's two logs.
	RedisBytes float64 `json:"redis_bytes"`
	RowBytes   float64 `json:"row_bytes"`
	LogBytes   float64 `json:"log_bytes"`
}

//go:embed constants.json
var measured []byte

// Measured returns the constants that `make capacity-measure` wrote last.
func Measured() (c Constants, err error) {
	err = json.Unmarshal(measured, &c)
	return c, err
}
