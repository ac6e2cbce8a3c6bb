package hub

import (
	"sync"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/gateway/hub/read"
	"github.com/bellhop/bellhop/store"
)

// link is what the bus and this gateway have agreed about a channel. One
// operation is in flight at a time: an acknowledgement carries no number, so an
// old one could be taken for a new one. Only a subscription that nobody needs any
// more is given up before it is acknowledged; what still comes of it is ignored.
type link uint8

const (
	unlinked link = iota
	subscribing
	subscribed
	unsubscribing
)

// channel is what the hub knows of one held channel.
type channel struct {
	src    *source // the log that the channel is in
	name   event.Channel
	manner *manner // nil: that of most channels

	mu    sync.Mutex
	subs  []*sub
	since int64 // without listeners since, in nanoseconds since 1970; meaningful while subs is empty

	// at is the epoch and the head up to which the ring has been filled.
	at event.Position
	// target is the highest seq of this epoch that is said to exist.
	target uint64
	recent *recent // nil: nothing of it
	tally  tally
	// life changes when the head went backwards within an epoch, which only a
	// restored database can do: positions from before mean nothing any more.
	life uint32
	link link
	// known: at holds. Until the first answer about the heads it does not.
	known bool
	// stale: at comes from a replica, because the primary was away.
	stale bool
	hole  hole
}

// message takes what the bus brought.
func (c *channel) message(m fanout.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.link == unsubscribing:
		// The channel is being given up; whoever joins now asks anew.
	case !c.known || m.Epoch != c.at.Epoch:
		c.heardEarly(event.Position{Epoch: m.Epoch, Seq: m.Seq}, m.Note)
	case m.Note != nil && m.Note.Kind != event.NoteRemoved:
		c.observe(m.Seq, causeTail)
		c.noted(m.Note)
	case m.Frame == nil:
		c.rewritten(m.Seq)
		c.noted(m.Note)
	case m.Seq <= max(c.at.Seq, c.recent.rewrittenTo()):
	case m.Seq == c.at.Seq+1:
		c.push(newEntry(c.name, event.Position{Epoch: m.Epoch, Seq: m.Seq}, m.Frame, viaBus))
		c.takeAhead()
		c.announce()
	default:
		c.lately().keepAhead(m.Seq, m.Frame)
		c.observe(m.Seq, causeHole)
	}
}

// changed takes what the tail says: the channel reached head in epoch.
func (c *channel) changed(epoch event.Epoch, ch store.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.link == unsubscribing && len(c.subs) == 0:
	case !c.known || epoch != c.at.Epoch:
		c.heardEarly(event.Position{Epoch: epoch, Seq: ch.Head}, ch.Note)
	case ch.Rewrite:
		c.rewritten(ch.Head)
		c.noted(ch.Note)
	default:
		c.observe(ch.Head, causeTail)
		c.noted(ch.Note)
	}
}

// heardEarly remembers a position that can't be judged yet, and a note if there
// is one, and asks the log.
func (c *channel) heardEarly(p event.Position, n *event.Note) {
	r := c.lately()
	if n != nil && (r.earlyNote.Note == nil || p.Epoch != r.earlyNote.epoch || n.Version > r.earlyNote.Version) {
		r.earlyNote = note{n, p.Epoch}
	}
	if p.Epoch != r.early.Epoch || p.Seq > r.early.Seq {
		r.early = p
	}
	if c.known {
		c.ask(true)
	} else if c.askable() {
		c.ask(false)
	}
}

// ask has the log asked for the channel's head. Called with channel.mu held.
func (c *channel) ask(fresh bool) {
	c.src.heads.Ask(c.name, read.Urgency(c.awaited()), fresh)
}

// askLater is ask after a pause.
func (c *channel) askLater() { c.src.heads.AskLater(c.name, read.Urgency(c.awaited())) }

// askNow is ask for those who do not hold channel.mu.
func (c *channel) askNow(fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ask(fresh)
}

// rewritten forgets the frames kept: something up to head was deleted, or came
// without its frame. What the bus still brings of them, and what is being read,
// may be from before the deletion.
func (c *channel) rewritten(head uint64) {
	c.forgetFrames()
	if head > c.at.Seq {
		r := c.lately()
		r.rewritten = max(r.rewritten, head)
	}
	if c.hole == filling {
		c.hole = overtaken
	}
	c.observe(head, causeTail)
}

// dropRing forgets the entries kept: positions below the head need the log.
func (c *channel) dropRing() {
	if c.recent != nil {
		c.recent.ring = ring{base: c.at.Seq}
	}
	if t := c.tempo(); t != nil {
		t.shown = ring{base: c.at.Seq}
	}
	if c.conflates() {
		c.manner.dropped = true
	}
}

// forgetFrames drops all frames, because there may be deleted ones among them.
func (c *channel) forgetFrames() {
	c.dropRing()
	c.recent.clearAhead()
}

func (c *channel) push(e entry) {
	now := time.Now()
	e.pushed = now.UnixNano()
	r := c.lately()
	if c.conflates() {
		r.ring.supersede(&e)
	}
	r.ring.push(e, c.src.h.cfg.RingFrames, c.src.h.cfg.RingBytes)
	c.at.Seq = e.seq
	c.target = max(c.target, e.seq)
	if at, ok := event.Frame(e.block[:e.frame]).Time(); ok {
		c.src.h.metrics.age.Observe(now.Sub(at).Seconds())
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
	born                    // the position was the beginning of a channel that now exists
)

// read returns entries after a position, of about budget bytes (at least one
// entry), in dst. Up to reach the listener may read whatever the channel's tempo.
// The same lock that guards the ring decides what the position is worth, so no
// push falls between the look and the next wake.
func (c *channel) read(dst []entry, p event.Position, life uint32, reach uint64, budget int) ([]entry, reading) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept, top := c.readable(p.Seq, reach)
	switch {
	case c.known && p.Epoch == "" && c.at.Epoch != "":
		return dst, born
	case !c.known || p.Epoch != c.at.Epoch || life != c.life || p.Seq > max(c.at.Seq, c.target):
		return dst, outdated
	case p.Seq >= top:
		return dst, current
	case p.Seq < kept.base && c.rewind():
		return dst, current
	case p.Seq < kept.base:
		return dst, behind
	}
	outcome := current
	newer := kept.after(p.Seq)
	for i := range newer {
		e := &newer[i]
		dst, outcome = append(dst, *e), some
		if budget -= len(e.block); budget <= 0 {
			break
		}
	}
	return dst, outcome
}

// place is the epoch that the channel is in, and its life.
func (c *channel) place() (event.Epoch, uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at.Epoch, c.life
}

// head is the position up to which the hub has come.
func (c *channel) head() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at.Seq
}
