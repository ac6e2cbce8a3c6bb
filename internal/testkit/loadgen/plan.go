// Package loadgen puts a gateway under load and measures it: tens of thousands
// of streams, held by a few processes that cost less than the server does, and
// events at a rate, of which it checks that each stream gets each of its own
// once, in order.
package loadgen

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Plan of a load test.
type Plan struct {
	Population Population
	// Streams are held by Processes worker processes. Default: 1 process.
	Streams   int
	Processes int
	// Idle is how long the streams are watched while nothing is published, after
	// Settle, in which nothing is published either.
	Settle, Idle time.Duration
	// Traffic is published then; without notifiers nothing is.
	Traffic Traffic
	// Storms is how often all connections are broken at once.
	Storms int
	// PIDs are the processes to sample, by name.
	PIDs map[string]int
	// Collect are base URLs of admin listeners whose process is to collect its
	// garbage before its memory is measured.
	Collect []string
	// Patience bounds every wait for the streams. Default: 2 min.
	Patience time.Duration
	// Worker is the command that calls Work.
	Worker []string
	// Sampled, if set, is called at the end of each phase, before the next one
	// begins.
	Sampled func(phase string)
	// Progress takes a line a second. Default: nothing.
	Progress io.Writer
}

func (p Plan) withDefaults() (Plan, error) {
	if p.Processes <= 0 {
		p.Processes = 1
	}
	if p.Patience <= 0 {
		p.Patience = 2 * time.Minute
	}
	if p.Progress == nil {
		p.Progress = io.Discard
	}
	t := &p.Traffic
	if t.Burst <= 0 {
		t.Burst = 1
	}
	t.Inboxes = p.Streams
	switch {
	case p.Streams <= 0:
		return p, errors.New("a load test needs streams")
	case len(p.Population.Gateways) == 0:
		return p, errors.New("a load test needs a gateway")
	case !p.Population.Inbox && len(p.Population.Shared) == 0:
		return p, errors.New("the streams have no channel")
	case len(t.Notifiers) > 0 && len(t.Shared) == 0 && !p.Population.Inbox:
		return p, errors.New("nobody listens to the inboxes that are published to")
	case slices.ContainsFunc(t.Shared, func(ch string) bool { return !slices.Contains(p.Population.Shared, ch) }):
		return p, fmt.Errorf("nobody listens to all of %v", t.Shared)
	case len(t.Notifiers) > 0 && (t.Rate <= 0 || t.Duration <= 0):
		return p, errors.New("traffic needs a rate and a duration")
	}
	return p, nil
}

// deliveries is how many events the streams have to get of so many published.
func (p *Plan) deliveries(events int64) int64 {
	if len(p.Traffic.Shared) > 0 {
		return events * int64(p.Streams)
	}
	return events
}

// Result of a load test.
type Result struct {
	Streams int              `json:"streams"`
	Before  map[string]Usage `json:"before"` // of the processes, without streams
	Phases  []Phase          `json:"phases"`
	Final   Report           `json:"final"`
	// Missing is how many deliveries did not come in time.
	Missing int64 `json:"missing"`
}

// Phase is a part of a load test.
type Phase struct {
	Name string        `json:"name"`
	Took time.Duration `json:"took"`
	// Usage is the processor time in this phase, and the memory at its end.
	Usage     map[string]Usage `json:"usage"`
	Workers   time.Duration    `json:"workers"` // processor time of the clients
	Delivered int64            `json:"delivered"`
	Joins     *Histogram       `json:"joins,omitempty"`
	Latencies *Latencies       `json:"latencies,omitempty"`
	Published *Published       `json:"published,omitempty"`
}

// Failed is how many posts were not acknowledged.
func (r *Result) Failed() (posts int64) {
	for i := range r.Phases {
		if p := r.Phases[i].Published; p != nil {
			posts += p.Failed
		}
	}
	return posts
}

// Sound tells whether every stream got what it should of what was acknowledged.
func (r *Result) Sound() bool {
	c := &r.Final.Counts
	return r.Missing == 0 && c.Lost == 0 && c.Duplicates == 0 && c.Malformed == 0 && c.Resets == 0 && c.Broken == 0
}

// Usage is what a process uses.
type Usage struct {
	RSS         int64         `json:"rss"` // bytes
	User        time.Duration `json:"user"`
	System      time.Duration `json:"system"`
	Descriptors int           `json:"descriptors"`
}

// CPU is both kinds of processor time.
func (u Usage) CPU() time.Duration { return u.User + u.System }

// since is what was used since an earlier sample, and the memory of now.
func (u Usage) since(before Usage) Usage {
	u.User -= before.User
	u.System -= before.System
	return u
}
