package hub

import (
	"slices"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/hub/read"
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
	// reach is the head that the answer gave: what head.Unread counts up to, and
	// what the log can replay at the moment, even if a replica stands in for the
	// primary.
	reach uint64
}

// question notes what is known of the channel as a query starts.
func (c *channel) question() (question, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.askable() { // its acknowledgement will ask
		return question{}, false
	}
	q := question{c: c, at: c.at, life: c.life, target: c.target, known: c.known}
	if r := c.recent; r != nil {
		q.early = r.early
		q.waiters = slices.DeleteFunc(r.waiters, gone)
		r.waiters = nil
		c.rest()
	}
	return q, true
}

// askable tells whether the log can be asked about the channel. What is published
// must be heard from before the question on. While the bus is in doubt nobody may
// acknowledge for a long time: then the tail, or the next look at the heads of
// kept channels, stands in for it, and the acknowledgement asks once more.
func (c *channel) askable() bool {
	return c.link == subscribed || c.link != unlinked && len(c.subs) > 0 && c.src.h.inDoubt.Load()
}

// askAgain puts the question back.
func (c *channel) askAgain(q *question, ask func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.src.away.Load() {
		for _, s := range q.waiters {
			s.strand()
		}
	}
	c.await(q.waiters...)
	if c.askable() {
		ask()
	}
}

// answered takes the head of the channel, which was asked for as the i-th, out of
// an answer that is not refused. It tells whether a life of a kept channel ended.
func (c *channel) answered(q *question, a *read.Answer, i int) (ended bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	epoch, head := a.Of(i)
	stale, fresh := a.Stale, a.Fresh
	at := event.Position{Epoch: epoch, Seq: head.Seq}
	wasStale := c.stale
	switch {
	case !c.askable(): // given up, or made anew: it will be asked for again
		c.await(q.waiters...)
		return false
	case !c.known:
		c.begin(at, head.Floor, stale)
	case stale && epoch != c.at.Epoch:
		// A replica of another epoch is late, not right.
		c.await(q.waiters...)
		c.askLater()
		return false
	case epoch != c.at.Epoch && c.src.kept != nil && (!fresh || !q.known || q.at.Epoch != c.at.Epoch):
		// Another life of this channel alone. As with the database's, it is
		// believed only from a new connection, and only if the channel has not
		// changed its life since the question was put.
		c.await(q.waiters...)
		c.ask(true)
		return false
	case epoch != c.at.Epoch:
		ended = c.src.kept != nil && c.at.Epoch != ""
		c.begin(at, head.Floor, false)
	case !stale && q.known && q.at.Epoch == epoch && q.life == c.life && head.Seq < q.at.Seq:
		// Lower than what was known when the query started. (Comparing with
		// what is known now would take an answer that the bus overtook for a
		// step back.) A pooled connection may lead to the wrong server: only a
		// new one is believed.
		if !fresh {
			c.await(q.waiters...)
			c.ask(true)
			return false
		}
		c.src.h.cfg.Logger.Error("a channel's head went backwards within an epoch: was the database restored without a new epoch?",
			"channel", c.name, "epoch", epoch, "was", q.at.Seq, "is", head.Seq)
		c.life++
		c.begin(at, head.Floor, false)
	default:
		if !stale && c.target == q.target && c.target > head.Seq && c.at.Seq <= head.Seq {
			// Announced, but the primary does not have it: nobody committed it.
			c.target = head.Seq
			c.recent.unsay()
		}
		c.observe(head.Seq, causeHeads)
		if r := c.recent; r != nil && c.conflates() {
			r.ring.trim(head.Floor)
		}
		c.stale = stale // true: somebody joined without the primary
	}
	if !stale {
		c.counted(head)
	}
	c.settleEarly(q, fresh)
	v := verdict{head: head, epoch: epoch, life: c.life, stale: stale, reach: head.Seq}
	v.head.Seq = max(head.Seq, c.at.Seq) // this gateway may have come further than the answer
	c.tell(q, v, fresh)
	if stale {
		c.askLater() // until the primary is back
	} else if wasStale {
		for _, s := range c.subs {
			s.stream.confirm(s, v)
		}
	}
	return ended
}

// begin starts following at a position: the first one, or that of a new life.
func (c *channel) begin(at event.Position, floor uint64, stale bool) {
	c.known, c.stale = true, stale
	c.at, c.target = at, at.Seq
	c.tally = tally{}
	if t := c.tempo(); t != nil {
		t.restart()
	}
	// Where joins need what is there already, it is read now, for all of them.
	if n := c.backfill(); n > 0 && at.Seq > floor {
		c.at.Seq -= min(n, at.Seq-floor)
	}
	c.recent.unsay()
	c.beginRing()
	if c.at.Seq == floor {
		c.nothingBelow()
	}
	if c.at.Seq < c.target && !c.hole.asked() {
		c.hole = filling
		c.src.ranges.Fill(c.name)
	}
	c.wake()
}

// settleEarly judges what was heard before the position was known.
func (c *channel) settleEarly(q *question, fresh bool) {
	c.settleNote()
	early := c.recent.heardOf()
	switch {
	case early == event.Position{}:
	case early.Epoch == c.at.Epoch:
		c.recent.early = event.Position{}
		c.observe(early.Seq, causeHeads)
	case early == q.early && fresh:
		// Heard before the query started, and a new connection says otherwise:
		// a message that was long under way, of a life that is over.
		c.recent.early = event.Position{}
	default:
		c.ask(true)
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
			c.await(s)
		case fresh:
			s.stream.judge(s, v)
		default:
			c.await(s)
			c.ask(true)
		}
	}
}
