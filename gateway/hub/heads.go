package hub

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// Pauses of the asker.
const (
	askBackoff     = 100 * time.Millisecond
	askBackoffMost = time.Second
	// askPace is the shortest time between two questions. The first of a quiet
	// time is put at once; in a rush of joins it makes many share a query.
	askPace = 20 * time.Millisecond
	// freshPause is the shortest time between two questions that need a new
	// connection, so that a publisher of a foreign epoch can't make the gateway
	// reconnect without end.
	freshPause = 25 * time.Millisecond
	// lookMost is how many channels that nobody waits for one question is about: a
	// join may have to wait for its answer.
	lookMost = 500
)

// asker puts the questions for heads. One question is under way at a time;
// while it is, others gather, so ten thousand joins cost a handful of queries.
// An answer counts only for those who asked before its query started.
//
// Channels that somebody waits for go first: a look at all that are held takes
// seconds, and a join waits for one of its queries at most. The look in turn is
// put between two queries of joins, however many come.
type asker struct {
	src  *source
	kick signal

	mu    sync.Mutex
	joins lane // somebody waits for them
	looks lane // nobody does
	// later holds the questions that had no good answer. They go back into the
	// queue after a while, and do not hold up those who come meanwhile.
	later   map[*channel]struct{}
	timer   *time.Timer
	backoff time.Duration

	joined bool // the last query was one of joins; owned by run
}

// lane is the questions that are equally urgent. Guarded by asker.mu, but for due.
type lane struct {
	most   int // channels of one query
	queue  []*channel
	queued map[*channel]struct{}
	fresh  bool      // the next answer must come from a new connection
	due    time.Time // not before; owned by run
}

func (a *asker) init(s *source) {
	a.src = s
	a.kick = newSignal()
	a.joins = lane{most: store.MaxChannels, queued: make(map[*channel]struct{})}
	a.looks = lane{most: lookMost, queued: make(map[*channel]struct{})}
	a.later = make(map[*channel]struct{})
}

// ask puts a channel in the next query. fresh demands that the answer come from
// a connection opened after this call: a difference of epochs was seen, and a
// pooled connection may lead to a server that is the primary no longer. Called
// with channel.mu held.
func (a *asker) ask(c *channel, fresh bool) {
	l := &a.looks
	if c.awaited() {
		l = &a.joins
	}
	a.add(l, c, fresh)
}

func (a *asker) add(l *lane, c *channel, fresh bool) {
	a.mu.Lock()
	l.fresh = l.fresh || fresh
	if _, twice := l.queued[c]; !twice {
		l.queued[c] = struct{}{}
		l.queue = append(l.queue, c)
	}
	a.mu.Unlock()
	a.kick.raise()
}

// askLater puts the question again after a pause that grows while answers stay
// away.
func (a *asker) askLater(c *channel) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.later[c] = struct{}{}
	if a.timer != nil {
		return
	}
	a.backoff = min(max(2*a.backoff, askBackoff), askBackoffMost)
	a.timer = time.AfterFunc(a.backoff/2+rand.N(a.backoff), func() {
		a.mu.Lock()
		again := a.later
		a.later = make(map[*channel]struct{})
		a.timer = nil
		a.mu.Unlock()
		for c := range again {
			c.ask(false)
		}
	})
}

// askAll asks for every held channel of the log. Joins that wait are not in that
// queue: a new connection, and the pause after it, is nothing that they need.
func (a *asker) askAll(fresh bool) {
	a.src.h.held(func(c *channel) {
		if c.src != a.src {
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.askable() {
			a.add(&a.looks, c, fresh)
		}
	})
}

// askUnheard asks for the channels that somebody joins whose subscription nobody
// acknowledges because the bus is in doubt.
func (a *asker) askUnheard() {
	a.src.h.held(func(c *channel) {
		if c.src != a.src {
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.awaited() && c.link != subscribed && c.askable() {
			a.ask(c, false)
		}
	})
}

// next is the lane whose turn it is, and how long it is until then: joins, unless
// they were served last. Nil: nothing is asked.
func (a *asker) next(now time.Time) (turn *lane, wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	first, second := &a.joins, &a.looks
	if a.joined {
		first, second = second, first
	}
	for _, l := range []*lane{first, second} {
		if len(l.queue) == 0 {
			continue
		}
		if d := l.due.Sub(now); turn == nil || max(d, 0) < wait {
			turn, wait = l, max(d, 0)
		}
	}
	return turn, wait
}

func (a *asker) take(l *lane) (batch []*channel, fresh bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := min(len(l.queue), l.most)
	batch = l.queue[:n:n]
	l.queue = l.queue[n:]
	if len(l.queue) == 0 {
		l.queue = nil
	}
	for _, c := range batch {
		delete(l.queued, c)
	}
	fresh = l.fresh
	l.fresh = fresh && len(l.queue) > 0 // it holds for all who were in the queue
	return batch, fresh
}

func (a *asker) run(ctx context.Context) {
	for ctx.Err() == nil {
		l, wait := a.next(time.Now())
		if l == nil || wait > 0 {
			a.idle(ctx, l != nil, wait)
			continue
		}
		batch, fresh := a.take(l)
		rest := askPace
		if fresh {
			rest = freshPause
		}
		now := time.Now()
		l.due = now.Add(rest)
		if a.joined = l == &a.joins; a.joined && a.looks.due.Before(now.Add(askPace)) {
			a.looks.due = now.Add(askPace)
		}
		a.put(ctx, batch, fresh)
	}
	a.mu.Lock()
	if a.timer != nil {
		a.timer.Stop()
	}
	a.mu.Unlock()
}

// idle waits until somebody asks, or for a lane whose questions are due after a
// while.
func (a *asker) idle(ctx context.Context, due bool, wait time.Duration) {
	var timeout <-chan time.Time
	if due {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		timeout = timer.C
	}
	select {
	case <-a.kick:
	case <-timeout:
	case <-ctx.Done():
	}
}

// put asks one query and hands its answer out.
func (a *asker) put(ctx context.Context, batch []*channel, fresh bool) {
	questions := make([]question, 0, len(batch))
	names := make([]event.Channel, 0, len(batch))
	for _, c := range batch {
		if q, ok := c.question(); ok {
			questions = append(questions, q)
			names = append(names, c.name)
		}
	}
	if len(questions) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, a.src.timeout())
	defer cancel()
	answer, err := a.src.heads(ctx, names, fresh)
	a.src.h.metrics.questions.Inc()
	switch {
	case err != nil:
		a.src.complain(ctx, "heads can't be read", len(names), err)
		for i := range questions {
			questions[i].c.askAgain(&questions[i], a.askLater)
		}
	case answer.refused:
		for i := range questions {
			questions[i].c.askAgain(&questions[i], func(c *channel) { a.ask(c, true) })
		}
	default:
		ended := 0
		for i := range questions {
			if questions[i].c.answered(&questions[i], &answer, i) {
				ended++
			}
		}
		if ended > 0 {
			a.src.h.cfg.Logger.Warn("kept channels were lost, or began anew", "channels", ended)
			a.src.h.metrics.keptLives.Add(float64(ended))
		}
		if !answer.stale {
			a.mu.Lock()
			a.backoff = 0
			a.mu.Unlock()
		}
	}
}

// confirmed is the log's epoch as the primary confirmed it.
func (h *Hub) confirmed() event.Epoch {
	h.epochMu.Lock()
	defer h.epochMu.Unlock()
	return h.epoch
}

// believe decides what the epoch of a primary's answer is worth. before is the
// epoch that was confirmed when the query started. One that differs is believed
// only from a new connection, and only if nothing changed meanwhile: an old
// answer must not turn the hub back. Epochs that were left are not barred,
// since a hub that was once deceived would then bar the right one for ever.
func (h *Hub) believe(epoch, before event.Epoch, fresh bool) bool {
	h.epochMu.Lock()
	if epoch == h.epoch {
		h.epochMu.Unlock()
		return true
	}
	if !fresh || h.epoch != before {
		h.epochMu.Unlock()
		return false
	}
	h.epoch = epoch
	h.epochMu.Unlock()
	if before != "" {
		h.cfg.Logger.Warn("the log began a new epoch", "was", before, "is", epoch)
		h.metrics.epochs.Inc()
		h.database.asker.askAll(false)
	}
	return true
}
