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
	Group    float64 `json:"group"`    // seconds, for each transaction: see Groups
	Wake     float64 `json:"wake"`     // seconds, for each gateway that one transaction has listeners in
	Delivery float64 `json:"delivery"` // seconds, for each event that reaches a stream
	Tail     float64 `json:"tail"`     // seconds, for each event and each gateway
	Memory   float64 `json:"memory"`   // bytes of a process without streams
	Held     float64 `json:"held"`     // bytes of memory, for each open stream
}

// Load is what happens to all processes of a kind together, in a second.
type Load struct{ Processes, Gateways, Streams, Connects, Events, Groups, Deliveries float64 }

// Cores is how much processor time a load takes, in cores.
func (p Part) Cores(l Load) float64 {
	return p.Base*l.Processes + p.Gateway*l.Gateways + p.Stream*l.Streams + p.Connect*l.Connects +
		p.Event*l.Events + p.Group*l.Groups + p.Wake*l.wakes() + p.Delivery*l.Deliveries + p.Tail*l.Events*l.Gateways
}

// wakes is how many times a gateway gets something to deliver: the deliveries of a
// transaction come together, and those to one gateway wake it once.
func (l Load) wakes() float64 {
	if l.Groups == 0 || l.Gateways == 0 {
		return 0
	}
	return l.Groups * l.Gateways * (1 - math.Pow(1-1/l.Gateways, l.Deliveries/l.Groups))
}

// What a notifier does by default, in its queue: groups of gatherJobs let others come
// for half of their time, gatherMost at most; and overlapRows are worth a transaction
// beside the one that is under way.
const (
	gatherJobs, gatherMost = 4, 0.001
	overlapRows, underWay  = 24, 2
)

// Groups is how many transactions notifiers make of the events that come: each takes
// what has come while the last one was written.
func (c *Constants) Groups(events, notifiers float64) float64 {
	rate := events / notifiers
	if rate == 0 {
		return 0
	}
	size, cycle := 1.0, 0.0
	for range 100 { // the longer it takes, the more has come, the longer it takes
		takes := c.Commit + c.CommitRow*size
		// The more have come already, the likelier it is that others wait for more.
		waits := min(takes/2, gatherMost) * atLeast(gatherJobs, rate*cycle)
		cycle = takes + waits + math.Exp(-rate*takes)/rate
		size = min(max(rate*cycle, 1), overlapRows)
	}
	return notifiers * max(1/cycle, min(rate/overlapRows, underWay/(c.Commit+c.CommitRow*overlapRows)))
}

// atLeast is the chance that so many come or more, where mean come on average.
func atLeast(least int, mean float64) float64 {
	fewer := 0.0
	for n, chance := 0, math.Exp(-mean); n < least; n++ {
		fewer += chance
		chance *= mean / float64(n+1)
	}
	return 1 - fewer
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
	// Seconds that a transaction takes, and that each of its events adds.
	Commit    float64 `json:"commit"`
	CommitRow float64 `json:"commit_row"`
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
