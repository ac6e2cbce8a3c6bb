package hub

import (
	"context"
	"errors"
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
	freshPause = 50 * time.Millisecond
)

// asker puts the questions for heads. One question is under way at a time;
// while it is, others gather, so ten thousand joins cost a handful of queries.
// An answer counts only for those who asked before its query started.
type asker struct {
	h    *Hub
	kick chan struct{}

	mu     sync.Mutex
	queue  []*channel
	queued map[*channel]struct{}
	fresh  bool // the next answer must come from a new connection
	// later holds the questions that had no good answer. They go back into the
	// queue after a while, and do not hold up those who come meanwhile.
	later   map[*channel]struct{}
	timer   *time.Timer
	backoff time.Duration
}

// question is one channel of a query: what was known of it when the query
// started, and who waited for the answer by then.
type question struct {
	c       *channel
	at      event.Position
	life    uint32
	target  uint64
	early   event.Position
	known   bool
	waiters []*sub
}

// verdict is what a joining listener is told: the state of its channel, from a
// query that started after it came and after the subscription was acknowledged.
type verdict struct {
	head  store.Head
	epoch event.Epoch
	life  uint32
	stale bool
	// reach is the seq up to which the log can replay at the moment: the head,
	// or less while a replica stands in for the primary.
	reach uint64
}

func (a *asker) init(h *Hub) {
	a.h = h
	a.kick = make(chan struct{}, 1)
	a.queued = make(map[*channel]struct{})
	a.later = make(map[*channel]struct{})
}

// ask puts a channel in the next query. fresh demands that the answer come from
// a connection opened after this call: a difference of epochs was seen, and a
// pooled connection may lead to a server that is the primary no longer.
func (a *asker) ask(c *channel, fresh bool) {
	a.mu.Lock()
	a.fresh = a.fresh || fresh
	if _, twice := a.queued[c]; !twice {
		a.queued[c] = struct{}{}
		a.queue = append(a.queue, c)
	}
	a.mu.Unlock()
	select {
	case a.kick <- struct{}{}:
	default:
	}
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
			a.ask(c, false)
		}
	})
}

// askAll asks for every held channel.
func (a *asker) askAll(fresh bool) {
	a.h.held(func(c *channel) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.link == subscribed {
			a.ask(c, fresh)
		}
	})
}

func (a *asker) take() (batch []*channel, fresh bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := min(len(a.queue), store.MaxChannels)
	batch = a.queue[:n:n]
	a.queue = a.queue[n:]
	if len(a.queue) == 0 {
		a.queue = nil
	}
	for _, c := range batch {
		delete(a.queued, c)
	}
	fresh, a.fresh = a.fresh, false
	return batch, fresh
}

func (a *asker) run(ctx context.Context) {
	for {
		batch, fresh := a.take()
		if len(batch) == 0 {
			select {
			case <-a.kick:
				continue
			case <-ctx.Done():
				a.mu.Lock()
				if a.timer != nil {
					a.timer.Stop()
				}
				a.mu.Unlock()
				return
			}
		}
		rest := askPace
		if fresh {
			rest = freshPause
		}
		due := time.Now().Add(rest)
		a.put(ctx, batch, fresh)
		if d := time.Until(due); d > 0 && !pause(ctx, d) {
			return
		}
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
	before := a.h.confirmed()
	fresh = fresh || before == "" // the first epoch, too, is believed from a new connection only
	ctx, cancel := context.WithTimeout(ctx, a.h.cfg.Timeout)
	defer cancel()
	answer, err := a.h.cfg.Log.Heads(ctx, names, fresh)
	a.h.metrics.questions.Inc()
	switch {
	case err != nil:
		if !errors.Is(ctx.Err(), context.Canceled) {
			a.h.cfg.Logger.Warn("heads can't be read", "channels", len(names), "error", err)
		}
		for i := range questions {
			questions[i].c.askAgain(&questions[i], a.askLater)
		}
	case answer.Stale || a.h.believe(answer.Epoch, before, fresh):
		for i := range questions {
			questions[i].c.answered(&questions[i], answer.Heads[i], answer.Epoch, answer.Stale, fresh)
		}
		if !answer.Stale {
			a.mu.Lock()
			a.backoff = 0
			a.mu.Unlock()
		}
	default:
		for i := range questions {
			questions[i].c.askAgain(&questions[i], func(c *channel) { a.ask(c, true) })
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
		h.asker.askAll(false)
	}
	return true
}

// question notes what is known of the channel as a query starts.
func (c *channel) question() (question, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != subscribed { // its acknowledgement will ask
		return question{}, false
	}
	q := question{c: c, at: c.at, life: c.life, target: c.target, early: c.early, known: c.known}
	for _, s := range c.waiters {
		if s.index >= 0 { // still listening
			q.waiters = append(q.waiters, s)
		}
	}
	c.waiters = nil
	return q, true
}

// askAgain puts the question back.
func (c *channel) askAgain(q *question, ask func(*channel)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiters = append(c.waiters, q.waiters...)
	if c.link == subscribed {
		ask(c)
	}
}

// answered takes the head of the channel out of an answer whose epoch is
// believed (or which is a replica's).
func (c *channel) answered(q *question, head store.Head, epoch event.Epoch, stale, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := event.Position{Epoch: epoch, Seq: head.Seq}
	wasStale := c.stale
	switch {
	case c.link != subscribed: // given up, or made anew: it will be asked for again
		c.waiters = append(c.waiters, q.waiters...)
		return
	case !c.known:
		c.begin(at, stale)
	case stale && epoch != c.at.Epoch:
		// A replica of another epoch is late, not right.
		c.waiters = append(c.waiters, q.waiters...)
		c.hub.asker.askLater(c)
		return
	case epoch != c.at.Epoch:
		c.begin(at, false)
	case !stale && q.known && q.at.Epoch == epoch && q.life == c.life && head.Seq < q.at.Seq:
		// Lower than what was known when the query started. (Comparing with
		// what is known now would take an answer that the bus overtook for a
		// step back.) A pooled connection may lead to the wrong server: only a
		// new one is believed.
		if !fresh {
			c.waiters = append(c.waiters, q.waiters...)
			c.hub.asker.ask(c, true)
			return
		}
		c.hub.cfg.Logger.Error("a channel's head went backwards within an epoch: was the database restored without a new epoch?",
			"channel", c.name, "epoch", epoch, "was", q.at.Seq, "is", head.Seq)
		c.life++
		c.begin(at, false)
	default:
		if !stale && c.target == q.target && c.target > head.Seq && c.at.Seq <= head.Seq {
			// Announced, but the primary does not have it: nobody committed it.
			c.target = head.Seq
			clear(c.ahead)
		}
		c.observe(head.Seq, causeHeads)
		c.stale = stale // true: somebody joined without the primary
	}
	c.settleEarly(q, fresh)
	v := verdict{head: head, epoch: epoch, life: c.life, stale: stale, reach: head.Seq}
	v.head.Seq = max(head.Seq, c.at.Seq) // this gateway may have come further than the answer
	c.tell(q, v, fresh)
	if stale {
		c.hub.asker.askLater(c) // until the primary is back
	} else if wasStale {
		for _, s := range c.subs {
			s.stream.confirm(s, v)
		}
	}
}

// begin starts following at a position: the first one, or that of a new life.
func (c *channel) begin(at event.Position, stale bool) {
	c.known, c.stale = true, stale
	c.at, c.target = at, at.Seq
	c.ring.clear()
	clear(c.ahead)
	c.wake()
}

// settleEarly judges what was heard before the position was known.
func (c *channel) settleEarly(q *question, fresh bool) {
	early := c.early
	switch {
	case early == event.Position{}:
	case early.Epoch == c.at.Epoch:
		c.early = event.Position{}
		c.observe(early.Seq, causeHeads)
	case early == q.early && fresh:
		// Heard before the query started, and a new connection says otherwise:
		// a message that was long under way, of a life that is over.
		c.early = event.Position{}
	default:
		c.hub.asker.ask(c, true)
	}
}

// tell gives the verdict to those who waited for it. Whoever would be reset by
// it hears it from a new connection, or waits until the primary is back.
func (c *channel) tell(q *question, v verdict, fresh bool) {
	for _, s := range q.waiters {
		switch {
		case !s.doubts(v):
			s.stream.judge(s, v)
		case v.stale:
			c.waiters = append(c.waiters, s)
		case fresh:
			s.stream.judge(s, v)
		default:
			c.waiters = append(c.waiters, s)
			c.hub.asker.ask(c, true)
		}
	}
}
