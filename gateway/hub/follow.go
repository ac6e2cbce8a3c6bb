package hub

import (
	"context"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
)

// follower is the hub as the bus sees it.
type follower struct{ h *Hub }

var _ fanout.Handler = follower{}

func (f follower) Message(m fanout.Message) {
	if m.Seq == 0 { // no event, but a hint that there is something in the tail
		f.h.tail.soon()
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
		f.h.asker.ask(c, false)
	case subscribed:
		// The connection was made anew, and what was published in between is
		// lost. All channels hear this at about the same time, so one look at
		// the newest transactions answers for all of them.
		f.h.tail.soon()
	case unlinked, unsubscribing:
	}
}

func (f follower) Unsubscribed(name event.Channel) {
	if f.h.unlinked(name) {
		f.h.bus.Subscribe(name)
	}
}

func (f follower) Lost(event.Channel) { f.h.tail.soon() }

func (f follower) Suspect(yes bool) { f.h.tail.suspect(yes) }

// hold adds a listener to a channel, which it subscribes to if need be.
func (h *Hub) hold(name event.Channel, s *sub) *channel {
	sh := h.shard(name)
	sh.mu.Lock()
	c := sh.channels[name]
	if c == nil {
		c = &channel{hub: h, name: name}
		sh.channels[name] = c
	}
	c.mu.Lock()
	sh.mu.Unlock()
	s.index = len(c.subs)
	c.subs = append(c.subs, s)
	c.waiters = append(c.waiters, s)
	subscribe := c.link == unlinked
	switch c.link {
	case unlinked:
		c.link = subscribing
	case subscribed:
		h.asker.ask(c, false)
	case subscribing, unsubscribing: // the acknowledgement goes on from here
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

// sweep gives up channels that nobody listens to any more, and the rings of
// channels that went quiet.
func (h *Hub) sweep(ctx context.Context) {
	for pause(ctx, min(time.Second, h.cfg.Linger)) {
		var idle []event.Channel
		now := time.Now().UnixNano()
		h.held(func(c *channel) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if len(c.ring.entries) > 0 && now-c.pushed > int64(h.cfg.RingAge) {
				c.ring.clear()
			}
			if len(c.subs) == 0 && c.link == subscribed && now-c.since >= int64(h.cfg.Linger) {
				c.link, c.known, c.stale = unsubscribing, false, false
				c.ring.clear()
				c.ahead, c.early = nil, event.Position{}
				idle = append(idle, c.name)
			}
		})
		if len(idle) > 0 {
			h.bus.Unsubscribe(idle...)
		}
	}
}
