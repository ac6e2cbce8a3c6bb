package hub

import (
	"context"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/gateway/hub/read"
	"github.com/bellhop/bellhop/gateway/hub/track"
	"github.com/bellhop/bellhop/internal/wait"
	"github.com/bellhop/bellhop/store"
)

// busHandler is the hub as the bus sees it.
type busHandler struct{ h *Hub }

var _ fanout.Handler = busHandler{}

func (b busHandler) Message(m fanout.Message) {
	if m.Trace == nil || b.h.cfg.Traced == nil {
		b.message(m)
		return
	}
	began := time.Now()
	b.message(m)
	b.h.cfg.Traced(m.Trace, m.Channel, m.Seq, began, b.h.listeners(m.Channel))
}

// listeners is how many streams follow a channel.
func (h *Hub) listeners(name event.Channel) int {
	c, _ := h.LookChannel(name)
	return c.Listeners
}

func (b busHandler) message(m fanout.Message) {
	if m.Seq == 0 { // no event, but a hint that there is something in the tail
		b.h.tail.Soon()
		return
	}
	if c := b.h.find(m.Channel); c != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.do(c.Message(event.Position{Epoch: m.Epoch, Seq: m.Seq}, m.Frame, m.Note, c.src.moment()))
	}
}

func (b busHandler) Subscribed(name event.Channel) {
	if c := b.h.find(name); c != nil {
		c.act(func(track.Moment) track.Effects { return c.Subscribed() })
	}
}

func (b busHandler) Unsubscribed(name event.Channel) {
	if b.h.unsubscribed(name) {
		b.h.bus.Subscribe(name)
	}
}

func (b busHandler) Lost(name event.Channel) {
	if c := b.h.find(name); c != nil {
		c.ask(track.LookAround)
	}
}

func (b busHandler) Suspect(yes bool) {
	since := int64(0)
	if yes {
		since = time.Now().UnixNano()
		b.h.metrics.doubts.Inc()
	}
	b.h.doubtSince.Store(since)
	b.h.tail.Soon()
	b.h.kept.recheck.Raise()
}

// unsubscribed tells whether the channel is to be subscribed to again.
func (h *Hub) unsubscribed(name event.Channel) bool {
	sh := h.shard(name)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	c := sh.channels[name]
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	fx := c.Unsubscribed()
	if fx.Has(track.Drop) {
		delete(sh.channels, name)
	}
	return fx.Has(track.Subscribe)
}

// sweep gives up channels that nobody listens to any more, and what rings have
// kept for long enough. That is shorter while all of them together are larger than
// they may be: who comes back later than that is served from the log.
func (h *Hub) sweep(ctx context.Context) {
	age := h.cfg.RingAge
	for wait.For(ctx, min(time.Second, h.cfg.Idle)) {
		var idle []event.Channel
		bytes := 0
		h.held(func(c *channel) {
			c.mu.Lock()
			defer c.mu.Unlock()
			fx := c.Sweep(age, c.src.moment())
			kept, _ := c.Memory()
			bytes += kept.Bytes
			if fx.Has(track.Unsubscribe) {
				idle = append(idle, c.Name())
			}
		})
		if len(idle) > 0 {
			h.bus.Unsubscribe(idle...)
		}
		h.metrics.recent.Set(float64(bytes))
		age = h.limits.NextAge(age, bytes, h.cfg.RingTotal)
	}
}

// tailHandler is the hub as the reader of the tail sees it.
type tailHandler struct{ h *Hub }

var _ read.TailHandler = tailHandler{}

// TailDue asks for the channels that somebody joins whose subscription nobody
// acknowledges because the bus is in doubt.
func (t tailHandler) TailDue() {
	if t.h.inDoubt() {
		t.h.database.held(func(c *channel) {
			if c.Unheard(c.src.moment()) {
				c.do(track.Effects{Do: track.Ask})
			}
		})
	}
}

// TailCut drops frames: deletions may have been missed as well.
func (t tailHandler) TailCut(first bool) {
	if !first {
		t.h.metrics.tailCuts.Inc()
	}
	t.h.database.held(func(c *channel) { c.Forget() })
}

// Changed hands a change to its channel.
func (t tailHandler) Changed(epoch event.Epoch, change *store.Change) {
	if change.Revoke {
		t.h.cfg.Revoked()
	} else if c := t.h.find(change.Channel); c != nil {
		c.act(func(at track.Moment) track.Effects { return c.Changed(epoch, change, at) })
	}
}

// TailRead has the heads asked for where the reading may not tell all.
func (t tailHandler) TailRead(epoch event.Epoch, cut bool) {
	t.h.metrics.tailReads.Inc()
	t.h.metrics.tailLast.SetToCurrentTime()
	if confirmed := t.h.confirmed(); confirmed != "" && epoch != confirmed {
		t.h.database.askAll(true)
	} else if cut {
		t.h.database.askAll(false)
	}
}

// TailFailed logs.
func (t tailHandler) TailFailed(err error) {
	t.h.metrics.tailReads.Inc()
	t.h.cfg.Logger.Warn("the newest transactions can't be read", "error", err)
}

// confirmed is the database's epoch as its primary confirmed it.
func (h *Hub) confirmed() event.Epoch {
	h.epochMu.Lock()
	defer h.epochMu.Unlock()
	return h.epoch.Now()
}

// believe takes the epoch of a primary's answer to a query that started when before was
// confirmed; false: the answer is to be refused.
func (h *Hub) believe(epoch, before event.Epoch, fresh bool) bool {
	h.epochMu.Lock()
	believed, changed := h.epoch.Believe(epoch, before, fresh)
	h.epochMu.Unlock()
	if changed {
		h.cfg.Logger.Warn("the log began a new epoch", "was", before, "is", epoch)
		h.metrics.epochs.Inc()
		h.database.askAll(false)
	}
	return believed
}
