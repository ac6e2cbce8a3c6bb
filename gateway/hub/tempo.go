package hub

import (
	"slices"
	"time"
)

// tempo limits how often the listeners of a channel are given what is new. What
// comes meanwhile is merged in the ring, once for all of them. Guarded by
// channel.mu.
type tempo struct {
	period time.Duration
	next   time.Time // nothing is released before
	armed  bool      // the timer runs; a quiet channel has none
	// released is how far listeners that are live may read, and shown what the
	// ring held then. The ring itself goes on: were they served from it, one that
	// is served late would find what was released superseded by what is not, and
	// get nothing, period after period.
	released uint64
	shown    ring
}

// announce lets the listeners have what was pushed: at once, or when the period
// is over that began when they were last given something.
func (c *channel) announce() {
	t := c.tempo()
	if t == nil {
		c.wake()
		return
	}
	if t.armed {
		return
	}
	now := time.Now()
	if d := t.next.Sub(now); d > 0 {
		t.armed = true
		time.AfterFunc(d, c.flushLater)
		return
	}
	c.flush(now)
}

func (c *channel) flushLater() {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tempo()
	t.armed = false
	if c.at.Seq > t.released {
		c.flush(time.Now())
	}
}

func (c *channel) flush(now time.Time) {
	t := c.tempo()
	t.released, t.next = c.at.Seq, now.Add(t.period)
	t.shown = c.kept()
	t.shown.entries = slices.Clone(t.shown.entries)
	c.wake()
}

// restart forgets what was released.
func (t *tempo) restart() { t.next, t.released, t.shown = time.Time{}, 0, ring{} }

// readable is what a listener at p may read, and how far. One that has not been
// given yet all that its join promised, up to reach, need not wait.
func (c *channel) readable(p, reach uint64) (ring, uint64) {
	if t := c.tempo(); t != nil && p >= reach {
		return t.shown, t.released
	}
	return c.kept(), c.at.Seq
}
