package hub

import (
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

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
