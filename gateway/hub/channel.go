package hub

import (
	"sync"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/store"
)

// link is what the bus and this gateway have agreed about a channel. One
// operation is in flight at a time: an acknowledgement carries no number, so an
// old one could be taken for a new one.
type link uint8

const (
	unlinked link = iota
	subscribing
	subscribed
	unsubscribing
)

// maxAhead bounds the frames kept beyond a hole; more are read from the log.
const maxAhead = 64

// channel is what the hub knows of one held channel.
type channel struct {
	hub  *Hub
	name event.Channel

	mu    sync.Mutex
	link  link
	subs  []*sub
	since int64 // without listeners since, in nanoseconds since 1970; meaningful while subs is empty

	// known: at holds. Until the first answer about the heads it does not.
	known bool
	// stale: at comes from a replica, because the primary was away.
	stale bool
	// at is the epoch and the head up to which the ring has been filled.
	at event.Position
	// life changes when the head went backwards within an epoch, which only a
	// restored database can do: positions from before mean nothing any more.
	life uint32
	ring ring
	// pushed is when the ring last grew, in nanoseconds since 1970.
	pushed int64
	// target is the highest seq of this epoch that is said to exist.
	target uint64
	ahead  map[uint64]event.Frame // frames beyond a hole
	// early is the newest position heard of while at was not known, or in
	// another epoch than at's. It makes sure that nothing is missed while the
	// log is being asked; the frame itself is then read from the log.
	early event.Position

	waiters []*sub // want to hear the head from a query that has not started yet

	holeArmed bool
	filling   bool
}

// message takes what the bus brought.
func (c *channel) message(m fanout.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.link == unsubscribing:
		// The channel is being given up; whoever joins now asks anew.
	case !c.known || m.Epoch != c.at.Epoch:
		c.heardEarly(event.Position{Epoch: m.Epoch, Seq: m.Seq})
	case m.Frame == nil:
		c.rewritten(m.Seq)
	case m.Seq <= c.at.Seq:
	case m.Seq == c.at.Seq+1:
		c.push(newEntry(c.name, event.Position{Epoch: m.Epoch, Seq: m.Seq}, m.Frame, viaBus))
		c.takeAhead()
		c.wake()
	default:
		if len(c.ahead) < maxAhead {
			if c.ahead == nil {
				c.ahead = make(map[uint64]event.Frame)
			}
			c.ahead[m.Seq] = m.Frame
		}
		c.observe(m.Seq, causeHole)
	}
}

// changed takes what the tail says: the channel reached head in epoch.
func (c *channel) changed(epoch event.Epoch, ch store.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.link == unsubscribing:
	case !c.known || epoch != c.at.Epoch:
		c.heardEarly(event.Position{Epoch: epoch, Seq: ch.Head})
	case ch.Rewrite:
		c.rewritten(ch.Head)
	default:
		c.observe(ch.Head, causeTail)
	}
}

// heardEarly remembers a position that can't be judged yet, and asks the log.
func (c *channel) heardEarly(p event.Position) {
	if p.Epoch != c.early.Epoch || p.Seq > c.early.Seq {
		c.early = p
	}
	if c.known {
		c.hub.asker.ask(c, true)
	} else if c.link == subscribed {
		c.hub.asker.ask(c, false)
	}
}

// rewritten forgets the frames kept: something among them was deleted, or came
// without its frame.
func (c *channel) rewritten(head uint64) {
	c.ring.clear()
	clear(c.ahead)
	c.observe(head, causeTail)
}

// forget drops the frames kept, because there may be deleted ones among them.
func (c *channel) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ring.clear()
	clear(c.ahead)
}

// observe notes that seq exists, and sees to it that a hole below it is filled
// if it does not close by itself.
func (c *channel) observe(seq uint64, why cause) {
	c.target = max(c.target, seq)
	if c.target > c.at.Seq && !c.holeArmed && !c.filling && len(c.subs) > 0 {
		c.armHole(c.hub.cfg.HoleWait, why)
	}
}

func (c *channel) armHole(d time.Duration, why cause) {
	c.holeArmed = true
	time.AfterFunc(d, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.holeArmed = false
		if c.known && c.target > c.at.Seq && !c.filling && len(c.subs) > 0 {
			c.filling = true
			c.hub.metrics.fills[why].Inc()
			c.hub.fetcher.fill(c)
		}
	})
}

func (c *channel) push(e entry) {
	c.ring.push(e, c.hub.cfg.RingFrames, c.hub.cfg.RingBytes)
	c.at.Seq = e.seq
	now := time.Now()
	c.pushed = now.UnixNano()
	c.target = max(c.target, e.seq)
	if at, ok := event.Frame(e.block[:e.frame]).Time(); ok {
		c.hub.metrics.age.Observe(now.Sub(at).Seconds())
	}
}

// takeAhead moves the frames that a hole had kept back.
func (c *channel) takeAhead() {
	for len(c.ahead) > 0 {
		next := c.at.Seq + 1
		f, ok := c.ahead[next]
		if !ok {
			for seq := range c.ahead {
				if seq < next {
					delete(c.ahead, seq)
				}
			}
			return
		}
		delete(c.ahead, next)
		c.push(newEntry(c.name, event.Position{Epoch: c.at.Epoch, Seq: next}, f, viaBus))
	}
}

// filled takes a page that was read to fill a hole of epoch.
func (c *channel) filled(epoch event.Epoch, page *store.Page) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.filling = false
	if c.at.Epoch != epoch {
		c.observe(c.target, causeHole)
		return
	}
	before := c.at.Seq
	if page.Epoch == epoch {
		c.apply(page)
	} else if !page.Stale {
		c.hub.asker.ask(c, true)
	}
	switch {
	case c.at.Seq >= c.target || len(c.subs) == 0:
	case c.at.Seq > before: // a page was not enough
		c.filling = true
		c.hub.fetcher.fill(c)
	default:
		// The log does not have what was announced: it is out of reach, or the
		// announcement was wrong. Ask for the head, then look again.
		c.hub.asker.ask(c, false)
		c.armHole(4*c.hub.cfg.HoleWait, causeHole)
	}
}

// apply moves the head by what a page of the same epoch holds.
func (c *channel) apply(page *store.Page) {
	if page.Floor > c.at.Seq {
		// Trimmed before it was seen here. Streams that are below the floor find
		// the ring gone, read the log, and announce it.
		c.ring.clear()
		c.at.Seq = page.Floor
	}
	for i := range page.Events {
		e := &page.Events[i]
		if e.Seq <= c.at.Seq {
			continue
		}
		c.passOver(e.Seq - 1)
		frame, heard := c.ahead[e.Seq]
		how := viaBus
		if !heard {
			frame, how = event.NewFrame(e), viaFill
		}
		c.push(newEntry(c.name, event.Position{Epoch: page.Epoch, Seq: e.Seq}, frame, how))
	}
	c.passOver(page.Last)
	c.target = max(c.target, c.at.Seq)
	c.takeAhead()
	c.wake()
}

// passOver moves the head up to seq over events that were deleted.
func (c *channel) passOver(seq uint64) {
	if seq > c.at.Seq+uint64(c.hub.cfg.RingFrames) {
		c.ring.clear()
		c.at.Seq = seq
	}
	for c.at.Seq < seq {
		c.push(entry{seq: c.at.Seq + 1})
	}
}

// wake tells every listener to look.
func (c *channel) wake() {
	for _, s := range c.subs {
		s.stream.wakeUp()
	}
}

// reading is the outcome of a look at a channel.
type reading uint8

const (
	current  reading = iota // nothing to read until the next wake
	some                    // entries were returned
	behind                  // the position is older than the ring: read the log
	outdated                // the position is of another life: be judged again
)

// read returns entries after a position, of about budget bytes (at least one
// entry), in dst. The same lock that guards the ring decides what the position
// is worth, so no push falls between the look and the next wake.
func (c *channel) read(dst []entry, p event.Position, life uint32, budget int) ([]entry, reading) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.known || p.Epoch != c.at.Epoch || life != c.life || p.Seq > max(c.at.Seq, c.target):
		return dst, outdated
	case p.Seq >= c.at.Seq:
		return dst, current
	}
	kept := uint64(len(c.ring.entries))
	if c.at.Seq-p.Seq > kept {
		return dst, behind
	}
	for _, e := range c.ring.entries[kept-(c.at.Seq-p.Seq):] {
		dst = append(dst, e)
		if budget -= len(e.block); budget <= 0 {
			break
		}
	}
	return dst, some
}

// head is the position up to which the hub has come.
func (c *channel) head() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at.Seq
}
