// Package hub follows channels on behalf of streams. For each channel that
// somebody listens to it keeps the epoch, the head and a ring of recent frames;
// a stream has a position in each of its channels and reads on from there: out
// of the ring while it keeps up, out of the log when it is behind.
//
// The bus brings frames within a millisecond and may lose them. The log is the
// truth, and every doubt about a channel ends in a question to it: a hole in
// the sequence (channel.go), a join (follow.go), a frame of another epoch
// (judge.go), a transaction that the bus was silent about (tail.go).
//
// There are two logs. The database has one epoch for all of its channels, and a
// tail. Kept channels live in Redis; each has an epoch of its own, and their
// heads are asked for again and again (poll.go). What is asked of one log never
// waits for the other (source.go).
//
// Locks, in the order in which they may be taken:
//
//	shard.mu -> channel.mu -> { Stream.mu, asker.mu, fetcher.mu }
//	Hub.mu and Hub.epochMu are taken alone, or before one of the last group.
package hub

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/store"
)

// ErrDraining refuses a stream because the gateway is going away.
var ErrDraining = errors.New("gateway is draining")

// Log is what the hub asks of the log.
type Log interface {
	// Heads is answered by the primary, from a query that starts after the call
	// and, if fresh, on a connection opened after it. While the primary is away
	// a replica may answer, and the answer says Stale.
	Heads(ctx context.Context, channels []event.Channel, fresh bool) (store.Heads, error)
	// Ranges returns a page for each range, in order.
	Ranges(ctx context.Context, ranges []store.Range) ([]store.Page, error)
	// Tail reads the transactions with an id above after whose token was not seen.
	Tail(ctx context.Context, after uint64, seen func(store.Token) bool) (store.Tail, error)
}

// Config of a Hub. Zero values mean the defaults.
type Config struct {
	Log Log // required
	// Kept is the log of the channels whose Rules say Kept. Nil: there are none,
	// and the database has them all.
	Kept Kept
	// Rules returns the rules of a namespace. It is asked once for each channel
	// that begins to be held. Nil: the zero Rules hold for all.
	Rules func(namespace string) Rules
	// Bus makes the subscription that calls the handler. Required.
	Bus func(fanout.Handler) (fanout.Subscriber, error)

	// RingFrames and RingBytes bound the recent frames kept for each channel.
	RingFrames int // default 64
	RingBytes  int // default 256 KiB
	// RingAge is how long the ring of a quiet channel is kept. Default 30 s.
	RingAge time.Duration
	// HoleWait is how long a hole in the sequence may close by itself: several
	// notifiers publish at the same time. Default 50 ms.
	HoleWait time.Duration
	// Linger is how long a channel without listeners stays subscribed: people
	// reload pages. Default 10 s.
	Linger time.Duration
	// TailPeriod and TailSuspect are how often the tail is read and the heads of
	// kept channels are asked for, usually and while the bus is in doubt.
	// Defaults 2 s and 250 ms.
	TailPeriod, TailSuspect time.Duration
	// TailOverlap is how far back the tail is read again: longer than an append
	// transaction can live, for those that commit out of order. Default:
	// store.MaxTransaction and 5 s.
	TailOverlap time.Duration
	// ResetSpread is the longest time over which resets of all streams after a
	// change of epoch are spread; few streams take less, a millisecond each.
	// Default 10 s.
	ResetSpread time.Duration
	// Timeout bounds one question to the log. Default 5 s.
	Timeout time.Duration

	// Revoked is told that tokens were revoked, maybe of people who are not
	// here. It must not block. Default: nobody is told.
	Revoked func()

	Logger     *slog.Logger          // default: slog.Default()
	Registerer prometheus.Registerer // default: metrics are counted, not exported
}

func (c Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.RingAge, 30*time.Second)
	def(&c.HoleWait, 50*time.Millisecond)
	def(&c.Linger, 10*time.Second)
	def(&c.TailPeriod, 2*time.Second)
	def(&c.TailSuspect, 250*time.Millisecond)
	def(&c.TailOverlap, store.MaxTransaction+5*time.Second)
	def(&c.ResetSpread, 10*time.Second)
	def(&c.Timeout, 5*time.Second)
	if c.RingFrames == 0 {
		c.RingFrames = 64
	}
	if c.RingBytes == 0 {
		c.RingBytes = 256 << 10
	}
	if c.Rules == nil {
		c.Rules = func(string) Rules { return Rules{} }
	}
	if c.Revoked == nil {
		c.Revoked = func() {}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

const shards = 64

// Hub holds the channels of one gateway. It is safe for concurrent use.
type Hub struct {
	cfg     Config
	bus     fanout.Subscriber
	metrics *metrics
	seed    maphash.Seed
	shards  [shards]shard
	// database and kept are the two logs. Without Config.Kept the second is idle.
	database, kept source
	tail           tail

	epochMu sync.Mutex
	epoch   event.Epoch // of the log, as the primary confirmed it; empty before

	mu       sync.Mutex // guards streams and draining
	streams  []*Stream  // in no order; each knows its place
	draining bool
	empty    chan struct{} // closed when the last stream of a drain is gone

	stop context.CancelFunc
	done sync.WaitGroup
}

type shard struct {
	mu       sync.Mutex
	channels map[event.Channel]*channel
}

// New makes a hub and starts it. Close ends it.
func New(cfg Config) (*Hub, error) {
	h := &Hub{
		cfg:  cfg.withDefaults(),
		seed: maphash.MakeSeed(),
	}
	for i := range h.shards {
		h.shards[i].channels = make(map[event.Channel]*channel)
	}
	h.metrics = newMetrics(h)
	if err := h.metrics.register(cfg.Registerer); err != nil {
		return nil, err
	}
	h.database.init(h, nil)
	h.kept.init(h, cfg.Kept)
	h.tail.init(h)
	bus, err := cfg.Bus(follower{h})
	if err != nil {
		return nil, err
	}
	h.bus = bus
	ctx, cancel := context.WithCancel(context.Background())
	h.stop = cancel
	parts := []func(context.Context){h.tail.run, h.sweep}
	for _, s := range h.sources() {
		parts = append(parts, s.asker.run, s.fetcher.run, s.fetcher.run)
	}
	if h.cfg.Kept != nil {
		parts = append(parts, h.kept.poll)
	}
	for _, run := range parts {
		h.done.Go(func() { run(ctx) })
	}
	return h, nil
}

// Close ends the hub's work and its subscription. Streams that are still open
// hear nothing more; drain first. It may be called more than once.
func (h *Hub) Close() error {
	h.stop()
	err := h.bus.Close()
	h.done.Wait()
	return err
}

// Streams is the number of open streams.
func (h *Hub) Streams() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.streams)
}

// Heads asks the primary for the heads of channels, for whoever needs them
// outside a stream.
func (h *Hub) Heads(ctx context.Context, channels []event.Channel) (store.Heads, error) {
	return h.cfg.Log.Heads(ctx, channels, false)
}

// inDoubt tells whether the bus can't be relied on at the moment.
func (h *Hub) inDoubt() bool { return h.tail.doubted.Load() }

func (h *Hub) shard(name event.Channel) *shard {
	return &h.shards[maphash.String(h.seed, string(name))%shards]
}

// find returns a held channel, or nil.
func (h *Hub) find(name event.Channel) *channel {
	sh := h.shard(name)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.channels[name]
}

// held calls f for every held channel, without a lock on the way.
func (h *Hub) held(f func(*channel)) {
	var all []*channel
	for i := range h.shards {
		sh := &h.shards[i]
		sh.mu.Lock()
		all = all[:0]
		for _, c := range sh.channels {
			all = append(all, c)
		}
		sh.mu.Unlock()
		for _, c := range all {
			f(c)
		}
	}
}

// pause waits for d, or until ctx ends; it tells whether the wait was whole.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
