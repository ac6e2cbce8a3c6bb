package hub

import (
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/hub/read"
	"github.com/bellhop/bellhop/store"
)

// tailHandler is the hub as the reader of the tail sees it.
type tailHandler struct{ h *Hub }

var _ read.TailHandler = tailHandler{}

// TailDue asks for the channels that somebody joins whose subscription nobody
// acknowledges because the bus is in doubt.
func (t tailHandler) TailDue() {
	if t.h.inDoubt.Load() {
		t.h.database.held(func(c *channel) {
			if c.awaited() && c.link != subscribed && c.askable() {
				c.ask(false)
			}
		})
	}
}

// TailCut drops frames: deletions may have been missed as well.
func (t tailHandler) TailCut(first bool) {
	if !first {
		t.h.metrics.tailCuts.Inc()
	}
	t.h.database.held(func(c *channel) { c.forgetFrames() })
}

// Changed hands a change to its channel.
func (t tailHandler) Changed(epoch event.Epoch, change *store.Change) {
	if change.Revoke {
		t.h.cfg.Revoked()
	} else if c := t.h.find(change.Channel); c != nil {
		c.changed(epoch, *change)
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
		h.database.askAll(false)
	}
	return true
}
