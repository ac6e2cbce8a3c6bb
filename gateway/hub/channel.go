package hub

import (
	"sync"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/hub/read"
	"github.com/bellhop/bellhop/gateway/hub/track"
	"github.com/bellhop/bellhop/store"
)

// channel is one held channel: what is known of it, its lock, and its listeners.
type channel struct {
	src *source // the log that the channel is in; never changes

	mu   sync.Mutex // guards what follows, and Listener.Index of its listeners
	subs []*sub     // in no order; each knows its Index
	track.Channel
}

// newChannel makes a channel by the rules of its namespace.
func (h *Hub) newChannel(name event.Channel) *channel {
	rules := h.cfg.Rules(name.Namespace())
	src := &h.database
	if rules.Kept && h.cfg.Kept != nil {
		src = &h.kept
	} else {
		rules.Kept = false
	}
	return &channel{src: src, Channel: track.NewChannel(name, h.rules.of(rules))}
}

// hold adds a listener to a channel, which it subscribes to if need be.
func (h *Hub) hold(name event.Channel, s *sub) *channel {
	sh := h.shard(name)
	sh.mu.Lock()
	c := sh.channels[name]
	if c == nil {
		c = h.newChannel(name)
		sh.channels[name] = c
	}
	c.mu.Lock()
	sh.mu.Unlock()
	s.Index = int32(len(c.subs))
	c.subs = append(c.subs, s)
	fx, away := c.Join(s, c.src.moment())
	c.do(fx)
	if away {
		s.post(func(m *track.Mail) { m.Away = true })
	}
	c.mu.Unlock()
	if fx.Has(track.Subscribe) {
		h.bus.Subscribe(name)
	}
	return c
}

// release takes a listener away.
func (c *channel) release(s *sub) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := len(c.subs) - 1
	c.subs[s.Index] = c.subs[last]
	c.subs[s.Index].Index = s.Index
	c.subs[last] = nil
	c.subs = c.subs[:last]
	s.Index = -1
	if last == 0 {
		c.subs = nil
		c.Leave(c.src.moment())
	}
}

// act changes the channel and does what follows.
func (c *channel) act(change func(track.Moment) track.Effects) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.do(change(c.src.moment()))
}

// do does what follows from something, but for what concerns the subscription. Called
// with mu held.
func (c *channel) do(fx track.Effects) {
	if fx.Do == 0 {
		return
	}
	if fx.Has(track.TellNote) {
		for _, s := range c.subs {
			if s.isInbox() {
				s.post(func(m *track.Mail) { m.AddNote(fx.Note) })
			}
		}
	}
	if fx.Has(track.Ask | track.AskFresh) {
		c.src.heads.Ask(c.Name(), read.Urgency(c.Awaited()), fx.Has(track.AskFresh))
	}
	if fx.Has(track.AskLater) {
		c.src.heads.AskLater(c.Name(), read.Urgency(c.Awaited()))
	}
	if fx.Has(track.LookAround) {
		c.src.lookAround(c.Name(), read.Urgency(c.Awaited()))
	}
	if fx.Has(track.Fill) {
		c.src.ranges.Fill(c.Name())
	}
	if fx.Has(track.WatchGap) {
		cause := fx.Cause
		time.AfterFunc(fx.Gap, func() { c.gapDue(cause) })
	}
	if fx.Has(track.AwaitPeriod) {
		time.AfterFunc(fx.Period, func() { c.act(c.PeriodOver) })
	}
	if fx.Has(track.Wake) {
		for _, s := range c.subs {
			s.stream.wakeUp()
		}
	}
}

func (c *channel) gapDue(cause track.Cause) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fx := c.GapDue()
	if fx.Has(track.Fill) {
		c.src.h.metrics.fills[cause].Inc()
	}
	c.do(fx)
}

// ask has the log asked for the channel's head.
func (c *channel) ask(how track.Do) {
	c.act(func(track.Moment) track.Effects { return track.Effects{Do: how} })
}

// question is one channel of a query for heads.
type question struct {
	track.Question

	c *channel
}

// question notes what is known of the channel as a query starts.
func (c *channel) question() (question, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q, ok := c.Question(c.src.moment())
	return question{q, c}, ok
}

// unanswered puts the question again, in a way.
func (q *question) unanswered(how track.Do) {
	c := q.c
	c.mu.Lock()
	defer c.mu.Unlock()
	fx, away := c.Unanswered(&q.Question, how, c.src.moment())
	c.do(fx)
	for _, w := range away {
		subOf(w).post(func(m *track.Mail) { m.Away = true })
	}
}

// answered hands out what the log said. ended: a life of a kept channel is over.
func (q *question) answered(epoch event.Epoch, head store.Head, a *read.Answer) (ended bool) {
	c := q.c
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.Answered(&q.Question, &track.Answer{Epoch: epoch, Head: head, Stale: a.Stale, Fresh: a.Fresh}, c.src.moment())
	if out.Backwards {
		c.src.h.cfg.Logger.Error("a channel's head went backwards within an epoch: was the database restored without a new epoch?",
			"channel", c.Name(), "epoch", epoch, "was", q.Filled(), "is", head.Seq)
	}
	c.do(out.Effects)
	if len(out.Told) == 0 && !out.Has(track.Confirm) {
		return out.Ended
	}
	v := out.Verdict // shared by all who hear it
	for _, w := range out.Told {
		subOf(w).post(func(m *track.Mail) { m.Verdict = &v })
	}
	if out.Has(track.Confirm) {
		for _, s := range c.subs {
			s.post(func(m *track.Mail) { m.Confirmed = &v })
		}
	}
	return out.Ended
}
