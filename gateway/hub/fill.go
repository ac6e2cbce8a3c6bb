package hub

import (
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// hole is what is being done about events that are known to be missing.
type hole uint8

const (
	unseen    hole = iota // nothing
	watched               // a timer runs: it may close by itself
	filling               // the log was asked
	overtaken             // the log was asked, and something was deleted meanwhile
)

// asked tells whether an answer of the log is on its way.
func (h hole) asked() bool { return h >= filling }

// observe notes that seq exists, and sees to it that a hole below it is filled
// if it does not close by itself.
func (c *channel) observe(seq uint64, why cause) {
	c.target = max(c.target, seq)
	if c.target > c.at.Seq && c.hole == unseen && len(c.subs) > 0 {
		c.armHole(c.src.h.cfg.HoleWait, why)
	}
}

func (c *channel) armHole(d time.Duration, why cause) {
	c.hole = watched
	time.AfterFunc(d, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.hole != watched {
			return // another way was found
		}
		c.hole = unseen
		if c.known && c.target > c.at.Seq && len(c.subs) > 0 {
			c.hole = filling
			c.src.h.metrics.fills[why].Inc()
			c.src.ranges.Fill(c.name)
		}
	})
}

// takeAhead moves the frames that a hole had kept back.
func (c *channel) takeAhead() {
	for {
		next := c.at.Seq + 1
		f := c.recent.takeAhead(next)
		if f == nil {
			return
		}
		c.push(newEntry(c.name, event.Position{Epoch: c.at.Epoch, Seq: next}, f, viaBus))
	}
}

// filled takes a page that was read to fill the hole after a position.
func (c *channel) filled(after event.Position, page *store.Page) {
	c.mu.Lock()
	defer c.mu.Unlock()
	late := c.hole == overtaken
	c.hole = unseen
	epoch := after.Epoch
	if c.at.Epoch != epoch || c.at.Seq < after.Seq { // the channel began a new life, or went back
		c.observe(c.target, causeHole)
		return
	}
	before := c.at.Seq
	if page.Epoch == epoch {
		c.apply(page)
		if late {
			// The page may hold what was deleted. It says how far the channel is,
			// and each listener reads for itself. (Were it read again until nothing
			// is deleted meanwhile, that could take for ever.)
			c.forgetFrames()
		}
	} else if !page.Stale {
		c.ask(true)
	}
	switch {
	case c.at.Seq >= c.target || len(c.subs) == 0:
	case c.at.Seq > before: // a page was not enough
		c.hole = filling
		c.src.ranges.Fill(c.name)
	default:
		// The log does not have what was announced: it is out of reach, or the
		// announcement was wrong. Ask for the head, then look again.
		c.ask(false)
		c.armHole(4*c.src.h.cfg.HoleWait, causeHole)
	}
}

// apply moves the head by what a page of the same epoch holds.
func (c *channel) apply(page *store.Page) {
	if page.Floor > c.at.Seq {
		// Trimmed before it was seen here. Streams that are below the floor find
		// the ring gone, read the log, and announce it.
		c.at.Seq = page.Floor
		c.beginRing()
		c.nothingBelow()
	}
	for i := range page.Events {
		e := &page.Events[i]
		if e.Seq <= c.at.Seq {
			continue
		}
		c.passOver(e.Seq - 1)
		frame, how := c.recent.takeAhead(e.Seq), viaBus
		if frame == nil {
			frame, how = event.NewFrame(e), viaFill
		}
		c.push(newEntry(c.name, event.Position{Epoch: page.Epoch, Seq: e.Seq}, frame, how))
	}
	c.passOver(page.Last)
	c.target = max(c.target, c.at.Seq)
	c.takeAhead()
	c.announce()
	if t := c.tempo(); t != nil && t.armed {
		c.wake() // who joins does not wait for the period
	}
}

// passOver moves the head up to seq over events that were deleted.
func (c *channel) passOver(seq uint64) {
	if c.conflates() && seq > c.at.Seq {
		c.push(entry{seq: seq})
		return
	}
	if seq > c.at.Seq+uint64(c.src.h.cfg.RingFrames) {
		c.at.Seq = seq
		c.dropRing()
	}
	for c.at.Seq < seq {
		c.push(entry{seq: c.at.Seq + 1})
	}
}
