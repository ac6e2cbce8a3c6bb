package track

import (
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// Channel is what a gateway knows of one channel that it holds. Its owner guards it
// by one lock; all fields but the first two change by the methods alone.
type Channel struct {
	name  event.Channel // never changes
	rules *Rules        // never changes

	// filled is the epoch that the channel is in, and the seq up to which every
	// event has been put into the ring or passed over.
	filled event.Position
	// announced is the highest seq of that epoch that is said to exist.
	announced uint64
	recent    *recent // what it has only while something happens; nil: nothing of it
	count     Count   // of unread events, the newest that is known, in filled's epoch
	idle      int64   // without listeners since, in nanoseconds since 1970; 0: somebody listens
	// generation changes when the head went backwards within an epoch, which only
	// a restored database can do: positions from before mean nothing any more.
	generation uint32
	link       link
	known      bool // filled holds. Until the first answer about the head it does not
	stale      bool // filled comes from a replica, because the primary was away
	gap        gap
}

// NewChannel makes a channel that nothing is known of.
func NewChannel(name event.Channel, rules *Rules) Channel { return Channel{name: name, rules: rules} }

// Name is the channel's name.
func (c *Channel) Name() event.Channel { return c.name }

// Rules are the channel's rules.
func (c *Channel) Rules() *Rules { return c.rules }

// Filled is how far the channel has come.
func (c *Channel) Filled() event.Position { return c.filled }

// Message takes what the bus brought: an event of a position, or, without a frame, the
// word that events up to it were deleted, or that this one is too large for the bus.
func (c *Channel) Message(p event.Position, frame event.Frame, n *event.Note, at Moment) (fx Effects) {
	switch {
	case c.link == unsubscribing:
		// The channel is being given up; whoever joins now asks anew.
	case !c.known || p.Epoch != c.filled.Epoch:
		c.heardEarly(p, n, at, &fx)
	case n != nil && n.Kind != event.NoteRemoved:
		c.observe(p.Seq, CauseTail, at, &fx)
		c.noted(n, &fx)
	case frame == nil:
		c.rewritten(p.Seq, at, &fx)
		c.noted(n, &fx)
	case p.Seq <= max(c.filled.Seq, c.look().rewritten):
		// It is old, or may have been deleted since: the log has it if it is there.
	case p.Seq == c.filled.Seq+1:
		c.push(newEntry(c.name, p, frame, ViaBus), at)
		c.takeAhead(at)
		c.release(at, &fx)
	default:
		c.keepAhead(p.Seq, frame)
		c.observe(p.Seq, CauseBus, at, &fx)
	}
	return fx
}

// Changed takes what the tail says: the channel reached a head in an epoch.
func (c *Channel) Changed(epoch event.Epoch, ch *store.Change, at Moment) (fx Effects) {
	switch {
	case c.link == unsubscribing && c.idle != 0:
	case !c.known || epoch != c.filled.Epoch:
		c.heardEarly(event.Position{Epoch: epoch, Seq: ch.Head}, ch.Note, at, &fx)
	case ch.Rewrite:
		c.rewritten(ch.Head, at, &fx)
		c.noted(ch.Note, &fx)
	default:
		c.observe(ch.Head, CauseTail, at, &fx)
		c.noted(ch.Note, &fx)
	}
	return fx
}

// heardEarly remembers a position that can't be resolved yet, and a note if there is
// one, and asks the log.
func (c *Channel) heardEarly(p event.Position, n *event.Note, at Moment, fx *Effects) {
	r := c.use()
	if n != nil && (r.earlyNote.Note == nil || p.Epoch != r.earlyNote.Epoch || n.Version > r.earlyNote.Version) {
		r.earlyNote = Note{n, p.Epoch}
	}
	if p.Epoch != r.early.Epoch || p.Seq > r.early.Seq {
		r.early = p
	}
	if c.known {
		fx.Do |= AskFresh
	} else if c.Askable(at) {
		fx.Do |= Ask
	}
}

// rewritten forgets the frames kept: something up to head was deleted, or came
// without its frame. What the bus still brings of them, and what is being read, may
// be from before the deletion.
func (c *Channel) rewritten(head uint64, at Moment, fx *Effects) {
	c.Forget()
	if head > c.filled.Seq {
		r := c.use()
		r.rewritten = max(r.rewritten, head)
	}
	if c.gap == gapFilling {
		c.gap = gapOvertaken
	}
	c.observe(head, CauseTail, at, fx)
}

// Forget drops all frames, because there may be deleted ones among them.
func (c *Channel) Forget() {
	c.dropRing()
	if c.recent != nil {
		c.recent.ahead = nil
	}
}

// push puts an entry into the ring, the one after the last or one beyond events that
// are passed over.
func (c *Channel) push(e Entry, at Moment) {
	e.pushed = at.Now.UnixNano()
	at.mark(&e, c.name, c.filled.Epoch)
	r := c.use()
	if m := r.merged; m != nil {
		r.ring.supersede(&e)
		if m.begun == 0 {
			m.begun = e.pushed
		}
	}
	r.ring.push(e, at.RingFrames, at.RingBytes)
	c.filled.Seq = e.Seq
	c.announced = max(c.announced, e.Seq)
	if t, ok := event.Frame(e.Block[:e.Frame]).Time(); ok && e.Seq > r.old {
		at.Aged(at.Now.Sub(t))
	}
}

// Reading is the outcome of a listener's look at its channel.
type Reading uint8

// Readings.
const (
	Current  Reading = iota // there is nothing to read until the next Wake
	Some                    // entries were returned
	Behind                  // the position is older than the ring: read the log
	Outdated                // the position is of another life: it is to be resolved again
	Born                    // the channel was not there, and now exists: look again
)

// Read returns entries after a listener's position, of about budget bytes (at least
// one entry), in dst. What the position is worth is decided by the same values as what
// is read, so no push falls between the look and the next Wake.
func (c *Channel) Read(dst []Entry, l *Listener, budget int) ([]Entry, Reading, Do) {
	kept, top := c.readable(l.pos.Seq, l.reach)
	p := l.pos
	switch {
	case c.known && p.Epoch == "" && c.filled.Epoch != "":
		// The channel was empty when the listener joined: its beginning is the listener's
		// position. No verdict is needed, and nothing was lost that could be announced.
		l.move(event.Position{Epoch: c.filled.Epoch})
		l.generation = c.generation
		return dst, Born, 0
	case !c.known || p.Epoch != c.filled.Epoch || l.generation != c.generation || p.Seq > max(c.filled.Seq, c.announced):
		return dst, Outdated, 0
	case p.Seq >= top:
		return dst, Current, 0
	case p.Seq < kept.base && c.refillable():
		return dst, Current, c.refill()
	case p.Seq < kept.base:
		return dst, Behind, 0
	}
	outcome := Current
	newer := kept.after(p.Seq)
	for i := range newer {
		e := &newer[i]
		dst, outcome = append(dst, *e), Some
		if budget -= len(e.Block); budget <= 0 {
			break
		}
	}
	return dst, outcome, 0
}
