// Package hub follows channels on behalf of streams. For each channel that
// somebody listens to it keeps the epoch, the head and a ring of recent frames;
// a stream has a position in each of its channels and reads on from there: out
// of the ring while it keeps up, out of the log when it is behind.
//
// The bus brings frames within a millisecond and may lose them. The log is the truth,
// and every doubt about a channel ends in a question to it. There are two logs: the
// database has one epoch for all of its channels, and a tail; kept channels live in
// Redis, each has an epoch of its own, and their heads are asked for again and again.
//
// This package holds locks, timers and mailboxes. What is done about a channel or a
// listener is decided in package track, and package read puts the questions; the page
// docs/architecture.md shows how they go together.
//
// Locks, in the order in which they may be taken:
//
//	shard.mu -> channel.mu -> { Stream.mu, recall.mu, those of package read }
//	Hub.mu and Hub.epochMu are taken alone, or before one of the last group.
package hub

import (
	"context"
	"errors"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/fleet"
	"github.com/bellhop/bellhop/gateway/hub/read"
	"github.com/bellhop/bellhop/gateway/hub/track"
	"github.com/bellhop/bellhop/store"
)

// ErrDraining refuses a stream because the gateway is going away.
var ErrDraining = errors.New("gateway is draining")

const shards = 64

// Hub holds the channels of one gateway. It is safe for concurrent use.
type Hub struct {
	cfg     Config
	rules   sharedRules
	limits  track.Limits
	recall  *recall // nil: nothing is remembered
	bus     fanout.Subscriber
	metrics *metrics
	seed    maphash.Seed
	shards  [shards]shard
	// database and kept are the two logs. Without Config.Kept the second is idle.
	database, kept source
	tail           *read.Tail
	lists          *read.Shared
	doubtSince     atomic.Int64 // in nanoseconds since 1970, while the bus can't be relied on; else 0

	epochMu sync.Mutex
	epoch   track.LogEpoch // of the database

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
	h.limits = track.Limits{
		RingFrames: h.cfg.RingFrames, RingBytes: h.cfg.RingBytes, RingAge: h.cfg.RingAge,
		GapWait: h.cfg.GapWait, Idle: h.cfg.Idle,
		Aged: func(age time.Duration) {
			h.metrics.age.Observe(age.Seconds())
			h.recall.aged(age)
		},
	}
	if h.cfg.Remember > 0 {
		h.recall = newRecall(min(h.cfg.Remember, fleet.MaxRemember))
		h.limits.Marks = h.recall.mark
	}
	h.database.init(h, nil)
	h.kept.init(h, cfg.Kept)
	h.tail = read.NewTail(cfg.Log, tailHandler{h}, h.schedule(), h.cfg.TailOverlap, timeout)
	h.lists = read.NewShared(func(ctx context.Context, channels []event.Channel) (store.Heads, error) {
		h.metrics.questions.Inc()
		return cfg.Log.Heads(ctx, channels, false)
	}, timeout)
	ctx, cancel := context.WithCancel(context.Background())
	h.stop = cancel
	bus, err := cfg.Bus(busHandler{h})
	if err != nil {
		cancel()
		return nil, err
	}
	h.bus = bus
	parts := []func(context.Context){
		h.tail.Run, h.sweep, h.lists.Run, h.database.heads.Run, h.database.ranges.Run, h.database.ranges.Run,
	}
	if h.cfg.Kept != nil {
		parts = append(parts, h.kept.heads.Run, h.kept.ranges.Run, h.kept.ranges.Run, h.kept.poll)
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

// Doubt is for how long the bus could not be relied on; zero: it can.
func (h *Hub) Doubt() time.Duration {
	if since := h.doubtSince.Load(); since != 0 {
		return time.Since(time.Unix(0, since))
	}
	return 0
}

func (h *Hub) inDoubt() bool { return h.doubtSince.Load() != 0 }

// Heads asks the primary for the heads of channels, for callers without a stream. The
// answer is in the order of channels. Its query started after the call, so it includes
// everything that was acknowledged before, unless it is Stale. Heads waits until ctx
// ends or the hub is closed. The error then wraps store.ErrUnavailable, as it does if
// the log can't be asked.
func (h *Hub) Heads(ctx context.Context, channels []event.Channel) (store.Heads, error) {
	return h.lists.Heads(ctx, channels)
}

// schedule is how often the tail is read and the heads of kept channels are asked for.
func (h *Hub) schedule() read.Schedule {
	return read.Schedule{Period: 2 * time.Second, Suspect: 250 * time.Millisecond, InDoubt: h.inDoubt}
}

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

// channels is how many channels are held.
func (h *Hub) channels() (n int) {
	h.held(func(*channel) { n++ })
	return n
}
