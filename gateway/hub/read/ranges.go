package read

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/wait"
	"github.com/bellhop/bellhop/store"
)

const (
	// RangeLimit is the most events that one range brings.
	RangeLimit = 256
	// RangePace is the shortest time between two queries of one of the two
	// goroutines that read: in a rush it makes many streams share a query.
	RangePace = 2 * HeadPace
	// RangeBackoff is how long a question waits that had no good answer; it grows.
	RangeBackoff     = 100 * time.Millisecond
	rangeBackoffMost = time.Second
)

// Range is a part of a channel that is read: what follows the channel's head here,
// or what requests ask for.
type Range struct {
	store.Range

	Fill     bool      // it goes on from where the handler's channel ends
	Requests []Request // of those who share it, if it is no fill
	Own      any       // the handler's, from RangeStart to RangeDone
}

// Request asks for what follows a position.
type Request struct {
	For     any // the handler's: whose it is
	At      event.Position
	Through uint64 // what is known to exist
}

// Ranges reads events: what gaps miss, for all listeners of a channel at once, and
// what single streams are behind. Ranges of many channels share a query, and requests
// for one channel share a range.
type Ranges struct {
	log     Log
	handler Handler
	timeout time.Duration
	kick    wait.Signal

	mu     sync.Mutex // guards what follows
	queue  []event.Channel
	wanted map[event.Channel]*wanted // what is to be read of those in the queue
}

type wanted struct {
	fill     bool
	requests []Request
}

// NewRanges makes a reader for a log. Its questions are put by Run.
func NewRanges(log Log, handler Handler, timeout time.Duration) *Ranges {
	return &Ranges{log: log, handler: handler, timeout: timeout, kick: wait.NewSignal(), wanted: make(map[event.Channel]*wanted)}
}

// Fill asks for what follows the head of a channel here.
func (r *Ranges) Fill(name event.Channel) { r.add(name, wanted{fill: true}) }

// Read asks for what follows a position.
func (r *Ranges) Read(name event.Channel, q Request) { r.add(name, wanted{requests: []Request{q}}) }

func (r *Ranges) add(name event.Channel, w wanted) {
	r.mu.Lock()
	if have := r.wanted[name]; have != nil {
		have.fill = have.fill || w.fill
		have.requests = append(have.requests, w.requests...)
	} else {
		r.wanted[name] = &w
		r.queue = append(r.queue, name)
	}
	r.mu.Unlock()
	r.kick.Raise()
}

// take makes a query of what is wanted.
func (r *Ranges) take() (batch []Range) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.queue) > 0 && len(batch)+2 <= store.MaxRanges {
		name := r.queue[0]
		r.queue = r.queue[1:]
		w := r.wanted[name]
		delete(r.wanted, name)
		if w.fill {
			batch = append(batch, Range{Fill: true, Range: store.Range{Channel: name, Limit: RangeLimit}})
		}
		if len(w.requests) > 0 {
			// The one that is furthest behind decides where the range begins;
			// who is beyond its end asks again.
			first := slices.MinFunc(w.requests, func(a, b Request) int { return cmp.Compare(a.At.Seq, b.At.Seq) })
			batch = append(batch, Range{Requests: w.requests, Range: store.Range{
				Channel: name, After: first.At.Seq, Epoch: first.At.Epoch, Through: first.Through, Limit: RangeLimit,
			}})
		}
	}
	if len(r.queue) == 0 {
		r.queue = nil
	} else {
		r.kick.Raise() // there is work for another goroutine
	}
	return batch
}

// Run puts the questions until ctx ends. Several goroutines may run it.
func (r *Ranges) Run(ctx context.Context) {
	backoff := RangeBackoff
	for ctx.Err() == nil {
		batch := r.take()
		if len(batch) == 0 {
			r.kick.Wait(ctx, idle)
			continue
		}
		due := time.Now().Add(RangePace)
		rest := backoff/2 + rand.N(backoff)
		if r.put(ctx, batch) {
			rest, backoff = time.Until(due), RangeBackoff
		} else {
			backoff = min(2*backoff, rangeBackoffMost)
		}
		wait.For(ctx, rest)
	}
}

// put asks one query and hands its pages out. False: there was no answer, and what
// was asked for is wanted again.
func (r *Ranges) put(ctx context.Context, batch []Range) bool {
	ranges := make([]store.Range, 0, len(batch))
	asked := batch[:0]
	for i := range batch {
		if r.handler.RangeStart(&batch[i]) {
			asked, ranges = append(asked, batch[i]), append(ranges, batch[i].Range)
		}
	}
	if len(asked) == 0 {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	pages, err := r.log.Ranges(ctx, ranges)
	if err != nil {
		r.handler.Failed(ctx, "events can't be read", len(ranges), err)
		for i := range asked {
			r.add(asked[i].Channel, wanted{fill: asked[i].Fill, requests: asked[i].Requests})
		}
		return false
	}
	for i := range asked {
		r.handler.RangeDone(&asked[i], &pages[i])
	}
	return true
}
