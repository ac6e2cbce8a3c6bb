// Package workload runs a population of clients and publishers against a fleet of
// gateways and notifiers, and judges what came of it. What breaks meanwhile is
// the caller's business.
package workload

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/invariant"
	"github.com/bellhop/bellhop/internal/wait"
)

// Plan says who does what.
type Plan struct {
	// Users each have an inbox and one client that listens to it.
	Users int
	// Shared are channels that every client listens to besides.
	Shared []event.Channel
	// Events are published in all, at Rate a second (zero: as fast as it goes)
	// by Publishers at the same time. Default: 16 publishers.
	Events     int
	Rate       float64
	Publishers int
	// Restless is the share of clients, 0 to 1, that leave and come back at
	// random; Away is the longest time that they stay away. Default: 1 s.
	Restless float64
	Away     time.Duration
	// Wait has the clients use long polls of so many seconds. Zero: streams.
	Wait int

	// Gateways and Notifiers return the base URLs that can be tried now.
	Gateways, Notifiers func() []string
	// Token signs a user in, and ServiceKey a publisher.
	Token      func(user string) (string, error)
	ServiceKey string
	// Excused tells whether a reset of a channel has a cause. Nil: none has.
	Excused func(event.Channel) bool
	// Contents reads in the end what the log holds of a channel.
	Contents func(context.Context, event.Channel) (Contents, error)
	// Lossy: the run takes acknowledged events away from the log.
	Lossy bool
	// Patience bounds how long clients may take to catch up after the last
	// publish, and a publisher to have an event accepted. Default: 60 s.
	Patience time.Duration
}

// Contents is what the log holds of a channel.
type Contents struct {
	Epoch event.Epoch
	Floor uint64
	Head  uint64
	IDs   map[uint64]string // ids of events by seq, empty for deleted ones
}

// Report is what came of a run.
type Report struct {
	Acked      int // events that publishers were promised
	Retries    int // publishes that had to be repeated
	Received   int // events that clients got, all channels
	Replayed   int // of them before the ready of a resumed connection
	Live       int // of them after the ready of their connection
	Connects   int
	Resets     int
	Unclean    int      // streams that broke inside a block or without their end
	Refused    int      // connects that failed or were answered otherwise than 200
	Causes     []string // of the first of both
	Violations []invariant.Violation
	Latencies  []Latency // of live events
}

// Latency is the time from the first POST of an event to its receipt.
type Latency struct {
	At time.Time // of the receipt
	D  time.Duration
}

// Run is a workload under way.
type Run struct {
	Plan
	ledger *invariant.Ledger
	http   *http.Client
	id     string // in its idempotency keys
	cancel context.CancelFunc
	ended  sync.WaitGroup // of the listeners

	mu        sync.Mutex // guards report, listener.at and listener.ready
	report    Report
	listeners []*listener
}

// Start connects all clients and returns once each has had its bellhop.ready.
func Start(ctx context.Context, p Plan) (*Run, error) {
	p.Publishers = cmp.Or(p.Publishers, 16)
	p.Away = cmp.Or(p.Away, time.Second)
	p.Patience = cmp.Or(p.Patience, time.Minute)
	ctx, cancel := context.WithCancel(ctx)
	r := &Run{
		Plan: p, ledger: invariant.New(), id: rand.Text(), cancel: cancel,
		http: &http.Client{Transport: &http.Transport{
			MaxIdleConnsPerHost: p.Publishers,
			DialContext:         (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
			DisableCompression:  true,
		}},
	}
	for i := range p.Users {
		l, err := r.newListener(i)
		if err != nil {
			r.Stop()
			return nil, err
		}
		r.listeners = append(r.listeners, l)
		r.ended.Go(func() { l.listen(ctx) })
	}
	timeout := time.After(p.Patience)
	for _, l := range r.listeners {
		select {
		case <-l.live:
		case <-timeout:
			r.Stop()
			return nil, fmt.Errorf("workload: client %s was never ready", l.user)
		}
	}
	return r, nil
}

// Stop ends all clients. It may be called more than once.
func (r *Run) Stop() {
	r.cancel()
	r.ended.Wait()
	r.http.CloseIdleConnections()
}

// Finish reads what the log holds, waits until the clients have come that far or
// patience ends, stops them, and judges the run. Publishing must be over.
func (r *Run) Finish(ctx context.Context) (*Report, error) {
	defer r.Stop()
	ends := make(map[event.Channel]event.Position)
	for _, ch := range r.channels() {
		c, err := r.Contents(ctx, ch)
		if err != nil {
			return nil, fmt.Errorf("workload: contents of %s: %w", ch, err)
		}
		r.ledger.Log(ch, c.Epoch, c.Floor, c.IDs)
		ends[ch] = event.Position{Epoch: c.Epoch, Seq: c.Head}
	}
	deadline := time.Now().Add(r.Patience)
	for _, l := range r.listeners {
		for !l.reached(ends) && time.Now().Before(deadline) && ctx.Err() == nil {
			wait.For(ctx, 20*time.Millisecond)
		}
	}
	r.Stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Violations = r.ledger.Violations(r.Lossy)
	return &r.report, nil
}

func (r *Run) channels() []event.Channel {
	out := append([]event.Channel(nil), r.Shared...)
	for _, l := range r.listeners {
		out = append(out, l.inbox)
	}
	return out
}

// note changes the report.
func (r *Run) note(f func(*Report)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.report)
}

// Quantiles returns the median and the 99th percentile of the latencies of
// events received in [from, to); zeros if there are none.
func (r *Report) Quantiles(from, to time.Time) (median, p99 time.Duration) {
	var d []time.Duration
	for _, l := range r.Latencies {
		if !l.At.Before(from) && l.At.Before(to) {
			d = append(d, l.D)
		}
	}
	if len(d) == 0 {
		return 0, 0
	}
	slices.Sort(d)
	return d[len(d)/2], d[len(d)*99/100]
}

// because keeps why a connection failed, for the first few that did.
func (r *Report) because(err error) {
	if len(r.Causes) < 5 {
		r.Causes = append(r.Causes, fmt.Sprintf("%v: %v", time.Now().Format(time.TimeOnly), err))
	}
}

// String is one line.
func (r *Report) String() string {
	return fmt.Sprintf("%d acknowledged (%d retries), %d received (%d live, %d replayed), %d connects, %d refused, %d unclean ends, %d resets, %d violations %q",
		r.Acked, r.Retries, r.Received, r.Live, r.Replayed, r.Connects, r.Refused, r.Unclean, r.Resets, len(r.Violations), r.Causes)
}
