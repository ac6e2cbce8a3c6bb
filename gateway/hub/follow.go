package hub

import (
	"context"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/gateway/hub/read"
)

// follower is the hub as the bus sees it.
type follower struct{ h *Hub }

var _ fanout.Handler = follower{}

func (f follower) Message(m fanout.Message) {
	if m.Seq == 0 { // no event, but a hint that there is something in the tail
		f.h.tail.Soon()
		return
	}
	if c := f.h.find(m.Channel); c != nil {
		c.message(m)
	}
}

func (f follower) Subscribed(name event.Channel) {
	c := f.h.find(name)
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.link {
	case subscribing:
		c.link = subscribed
		c.ask(false)
	case subscribed:
		// The connection was made anew, and what was published in between is
		// lost.
		c.missed()
	case unlinked, unsubscribing:
	}
}

func (f follower) Unsubscribed(name event.Channel) {
	if f.h.unlinked(name) {
		f.h.bus.Subscribe(name)
	}
}

func (f follower) Lost(name event.Channel) {
	if c := f.h.find(name); c != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.missed()
	}
}

func (f follower) Suspect(yes bool) {
	f.h.inDoubt.Store(yes)
	f.h.tail.Soon()
	f.h.kept.recheck.Raise()
}

// missed sees to it that the log is asked for what the bus lost. Many channels
// tend to miss something at the same time: one look at the newest transactions
// answers for all that are in the database. Called with channel.mu held.
func (c *channel) missed() {
	if c.src.kept != nil {
		c.ask(false)
	} else {
		c.src.h.tail.Soon()
	}
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
	s.index = int32(len(c.subs))
	c.subs = append(c.subs, s)
	c.await(s)
	subscribe := c.link == unlinked
	if subscribe {
		c.link = subscribing
	}
	if c.src.away.Load() {
		s.strand()
	}
	if c.askable() { // otherwise the acknowledgement goes on from here
		c.ask(false)
	}
	c.mu.Unlock()
	if subscribe {
		h.bus.Subscribe(name)
	}
	return c
}

// release takes a listener away. The channel stays subscribed for a while.
func (c *channel) release(s *sub) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := len(c.subs) - 1
	c.subs[s.index] = c.subs[last]
	c.subs[s.index].index = s.index
	c.subs[last] = nil
	c.subs = c.subs[:last]
	if last == 0 {
		c.subs = nil
		c.since = time.Now().UnixNano()
		if c.recent != nil {
			c.recent.waiters = nil
			c.rest()
		}
	}
	s.index = -1
}

// unlinked takes the acknowledgement that a channel was given up. It tells
// whether somebody has come meanwhile, so that it is to be subscribed to again.
func (h *Hub) unlinked(name event.Channel) (again bool) {
	sh := h.shard(name)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	c := sh.channels[name]
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != unsubscribing {
		return false
	}
	if len(c.subs) > 0 {
		c.link = subscribing
		return true
	}
	c.link = unlinked
	delete(sh.channels, name)
	return false
}

// sweep gives up channels that nobody listens to any more, and what rings have
// kept for long enough. That is shorter while all of them together are larger than
// they may be: who comes back later than that is served from the log.
func (h *Hub) sweep(ctx context.Context) {
	age := h.cfg.RingAge
	for read.Pause(ctx, min(time.Second, h.cfg.Linger)) {
		var idle []event.Channel
		kept := 0
		now := time.Now().UnixNano()
		h.held(func(c *channel) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.expire(now, age)
			kept += c.ringSize()
			up := c.link == subscribed || c.link == subscribing // which nobody may ever acknowledge
			if len(c.subs) == 0 && up && now-c.since >= int64(h.cfg.Linger) {
				c.link, c.known, c.stale = unsubscribing, false, false
				c.recent = nil
				idle = append(idle, c.name)
			}
		})
		if len(idle) > 0 {
			h.bus.Unsubscribe(idle...)
		}
		h.metrics.recent.Set(float64(kept))
		age = nextAge(age, kept, &h.cfg)
	}
}
