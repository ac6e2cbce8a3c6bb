package read

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/wait"
	"github.com/bellhop/bellhop/store"
)

// Pauses between queries.
const (
	// HeadPace is the shortest time between two queries for heads. The first of a
	// quiet time is put at once; in a rush of joins it makes many share a query.
	HeadPace = 20 * time.Millisecond
	// FreshPace is the shortest time between two that need a new connection, so
	// that a publisher of a foreign epoch can't make the gateway reconnect
	// without end.
	FreshPace = 25 * time.Millisecond

	headBackoff     = 100 * time.Millisecond
	headBackoffMost = time.Second
)

// LookMost is how many channels that nobody waits for one query is about: a join may
// have to wait for its answer.
const LookMost = 500

// Urgency says who waits for an answer about a channel.
type Urgency bool

// The two urgencies.
const (
	Look Urgency = false // nobody
	Join Urgency = true  // a listener that joins
)

// Heads reads the heads of channels. One query is under way at a time; while it is,
// questions gather, so ten thousand joins cost a handful of queries. An answer counts
// only for those who asked before its query started.
//
// Joins go first: a look at all channels that are held takes seconds, and a join
// waits for one of its queries at most. The look in turn is put between two queries
// of joins, however many come.
type Heads struct {
	log     Log
	handler Handler
	timeout time.Duration
	kick    wait.Signal

	mu    sync.Mutex // guards what follows, but for lane.due
	joins lane
	looks lane
	// later holds the questions that had no good answer. They go back into their
	// lanes after a while, and do not hold up those who come meanwhile.
	later   map[event.Channel]Urgency
	timer   *time.Timer   // puts them back; nil: there are none
	backoff time.Duration // how long they wait

	joined bool // the last query was one of joins; owned by Run
}

// lane is the questions that are equally urgent.
type lane struct {
	most   int             // channels of one query; never changes
	queue  []event.Channel // those to ask for, in order
	queued map[event.Channel]struct{}
	fresh  bool      // the next answer must come from a new connection
	due    time.Time // the next query starts not before; owned by Run
}

// NewHeads makes a reader for a log. Its questions are put by Run.
func NewHeads(log Log, handler Handler, timeout time.Duration) *Heads {
	return &Heads{
		log: log, handler: handler, timeout: timeout, kick: wait.NewSignal(),
		joins: lane{most: store.MaxChannels, queued: make(map[event.Channel]struct{})},
		looks: lane{most: LookMost, queued: make(map[event.Channel]struct{})},
		later: make(map[event.Channel]Urgency),
	}
}

// Ask puts a channel in the next query. fresh demands that the answer come from a
// connection opened after this call: a difference of epochs was seen, and a pooled
// connection may lead to a server that is the primary no longer.
func (h *Heads) Ask(name event.Channel, u Urgency, fresh bool) {
	h.mu.Lock()
	l := &h.looks
	if _, joins := h.joins.queued[name]; u == Join || joins && !fresh {
		l = &h.joins
	}
	l.fresh = l.fresh || fresh
	if _, twice := l.queued[name]; !twice {
		l.queued[name] = struct{}{}
		l.queue = append(l.queue, name)
	}
	h.mu.Unlock()
	h.kick.Raise()
}

// AskLater puts the question again after a pause that grows while answers stay away.
func (h *Heads) AskLater(name event.Channel, u Urgency) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.later[name] = h.later[name] || u
	if h.timer != nil {
		return
	}
	h.backoff = min(max(2*h.backoff, headBackoff), headBackoffMost)
	h.timer = time.AfterFunc(h.backoff/2+rand.N(h.backoff), func() {
		h.mu.Lock()
		again := h.later
		h.later = make(map[event.Channel]Urgency)
		h.timer = nil
		h.mu.Unlock()
		for name, u := range again {
			h.Ask(name, u, false)
		}
	})
}

// Run puts the questions until ctx ends.
func (h *Heads) Run(ctx context.Context) {
	for ctx.Err() == nil {
		l, pause := h.next(time.Now())
		if pause > 0 {
			h.kick.Wait(ctx, pause)
			continue
		}
		batch, fresh := h.take(l)
		rest := HeadPace
		if fresh {
			rest = FreshPace
		}
		now := time.Now()
		l.due = now.Add(rest)
		if h.joined = l == &h.joins; h.joined && h.looks.due.Before(now.Add(HeadPace)) {
			h.looks.due = now.Add(HeadPace)
		}
		h.put(ctx, batch, fresh)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer != nil {
		h.timer.Stop()
	}
}

// next is the lane whose turn it is, and how long it is until then: joins, unless
// they were served last. If nothing is asked there is a pause alone.
func (h *Heads) next(now time.Time) (turn *lane, pause time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	first, second := &h.joins, &h.looks
	if h.joined {
		first, second = second, first
	}
	pause = idle
	for _, l := range [...]*lane{first, second} {
		if d := max(l.due.Sub(now), 0); len(l.queue) > 0 && d < pause {
			turn, pause = l, d
		}
	}
	return turn, pause
}

func (h *Heads) take(l *lane) (batch []event.Channel, fresh bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := min(len(l.queue), l.most)
	batch = l.queue[:n:n]
	l.queue = l.queue[n:]
	if len(l.queue) == 0 {
		l.queue = nil
	}
	for _, name := range batch {
		delete(l.queued, name)
	}
	fresh = l.fresh
	l.fresh = fresh && len(l.queue) > 0 // it holds for all who were in the queue
	return batch, fresh
}

// put asks one query and hands its answer out.
func (h *Heads) put(ctx context.Context, batch []event.Channel, fresh bool) {
	names, done := h.handler.HeadsStart(batch)
	if len(names) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	answer, err := h.log.Heads(ctx, names, fresh)
	if err != nil {
		h.handler.Failed(ctx, "heads can't be read", len(names), err)
		done(nil, err)
		return
	}
	done(&answer, nil)
	if !answer.Stale && !answer.Refused {
		h.mu.Lock()
		h.backoff = 0
		h.mu.Unlock()
	}
}
