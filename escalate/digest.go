package escalate

import (
	"crypto/rand"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// Bounds of one call. What is more becomes another call.
const (
	maxEvents = 100
	maxBytes  = 256 << 10 // of data; a single event may have more
)

// digests makes calls of escalations that are to be told: a person's events for one
// target together.
func digests(due []store.Due) []store.NewCall {
	type whom struct {
		channel event.Channel
		target  string
	}
	type open struct{ at, size int }
	var calls []store.NewCall
	last := make(map[whom]*open)
	for _, d := range due {
		if d.Moot {
			continue
		}
		key := whom{d.Channel, d.Target}
		o := last[key]
		if o == nil || len(calls[o.at].Events) == maxEvents || o.size+d.Size > maxBytes {
			o = &open{at: len(calls)}
			last[key] = o
			call := store.NewCall{}
			_, _ = rand.Read(call.ID[:]) // it does not fail
			calls = append(calls, call)
		}
		o.size += d.Size
		calls[o.at].Events = append(calls[o.at].Events, d)
	}
	return calls
}

// How calls are tried again.
const (
	firstPause = 2 * time.Second
	mostPause  = time.Hour
	// tryFor is how long a call is tried; then it is parked.
	tryFor = 24 * time.Hour
)

// pause is how long a call waits for its next try after so many in vain: twice as long
// each time, give or take a half by chance, from 0 to 1.
func pause(tries int, chance float64) time.Duration {
	p := min(firstPause<<min(max(tries-1, 0), 11), mostPause)
	return p/2 + time.Duration(chance*float64(p))
}
