package track

import (
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// gap is what is being done about events that are known to be missing.
type gap uint8

const (
	noGap        gap = iota // nothing
	gapWatched              // a timer runs: it may close by itself
	gapFilling              // the log was asked
	gapOvertaken            // the log was asked, and something was deleted meanwhile
)

// asked tells whether an answer of the log is on its way.
func (g gap) asked() bool { return g >= gapFilling }

// observe notes that seq exists, and sees to it that a gap below it is filled if it
// does not close by itself.
func (c *Channel) observe(seq uint64, why Cause, at Moment, fx *Effects) {
	c.announced = max(c.announced, seq)
	if c.announced > c.filled.Seq && c.gap == noGap && c.idle == 0 {
		c.watchGap(at.GapWait, why, fx)
	}
}

func (c *Channel) watchGap(d time.Duration, why Cause, fx *Effects) {
	c.gap = gapWatched
	fx.Do |= WatchGap
	fx.Gap, fx.Cause = d, why
}

// GapDue says that the time is over in which a gap may close by itself.
func (c *Channel) GapDue() (fx Effects) {
	if c.gap != gapWatched {
		return fx // another way was found
	}
	c.gap = noGap
	if c.known && c.announced > c.filled.Seq && c.idle == 0 {
		c.fill(&fx)
	}
	return fx
}

func (c *Channel) fill(fx *Effects) {
	c.gap = gapFilling
	fx.Do |= Fill
}

// Want completes a range by what is known as its query starts. A fill goes on from
// where the channel is: the bus may have moved it since it was asked for. And a
// version: a replica that has the events, but not yet a deletion among them, is
// behind. False: nothing is to be filled.
func (c *Channel) Want(fill bool, r *store.Range) bool {
	if fill {
		if !c.gap.asked() {
			return false
		}
		r.After, r.Epoch, r.Through = c.filled.Seq, c.filled.Epoch, c.announced
	}
	if r.Epoch == c.filled.Epoch {
		r.Version = c.count.Version
	}
	return true
}

// FillDone takes a page that was read to fill the gap after a position.
func (c *Channel) FillDone(after event.Position, page *store.Page, at Moment) (fx Effects) {
	overtaken := c.gap == gapOvertaken
	c.gap = noGap
	if c.filled.Epoch != after.Epoch || c.filled.Seq < after.Seq { // another life, or a step back
		c.observe(c.announced, CauseBus, at, &fx)
		return fx
	}
	before := c.filled.Seq
	if page.Epoch == after.Epoch {
		c.apply(page, at, &fx)
		if overtaken {
			// The page may hold what was deleted. It says how far the channel is,
			// and each listener reads for itself; a conflated channel refills. (Were
			// it read again until nothing is deleted meanwhile, that could take for
			// ever.)
			c.Forget()
		}
	} else if !page.Stale {
		fx.Do |= AskFresh
	}
	switch {
	case c.filled.Seq >= c.announced || c.idle != 0:
	case c.filled.Seq > before: // a page was not enough
		c.fill(&fx)
	default:
		// The log does not have what was announced: it is out of reach, or the
		// announcement was wrong. Ask for the head, then look again.
		fx.Do |= Ask
		c.watchGap(4*at.GapWait, CauseBus, &fx)
	}
	return fx
}

// apply moves the channel by what a page of the same epoch holds.
func (c *Channel) apply(page *store.Page, at Moment, fx *Effects) {
	if page.Floor > c.filled.Seq {
		// Trimmed before it was seen here. Listeners that are below the floor find
		// the ring gone, read the log, and announce it.
		c.filled.Seq = page.Floor
		c.beginRing()
		c.nothingBelow(at)
	}
	for i := range page.Events {
		e := &page.Events[i]
		if e.Seq <= c.filled.Seq {
			continue
		}
		c.passOver(e.Seq-1, at)
		frame, how := c.ahead(e.Seq), ViaBus
		if frame == nil {
			frame, how = event.NewFrame(e), ViaFill
		}
		c.push(newEntry(c.name, event.Position{Epoch: page.Epoch, Seq: e.Seq}, frame, how), at)
	}
	c.passOver(page.Last, at)
	c.announced = max(c.announced, c.filled.Seq)
	c.takeAhead(at)
	c.release(at, fx)
	if m := c.limited(); m != nil && m.armed {
		fx.Do |= Wake // who joins does not wait for the period
	}
}

// passOver moves the channel up to seq over events that were deleted.
func (c *Channel) passOver(seq uint64, at Moment) {
	if c.rules.Conflate && seq > c.filled.Seq {
		c.push(Entry{Seq: seq}, at)
		return
	}
	if seq > c.filled.Seq+uint64(at.RingFrames) {
		c.filled.Seq = seq
		c.dropRing()
	}
	for c.filled.Seq < seq {
		c.push(Entry{Seq: c.filled.Seq + 1}, at)
	}
}

// MaxAhead bounds the frames kept beyond a gap; more are read from the log.
const MaxAhead = 64

// keepAhead keeps a frame beyond a gap, if there is room.
func (c *Channel) keepAhead(seq uint64, f event.Frame) {
	r := c.use()
	if len(r.ahead) >= MaxAhead {
		return
	}
	if r.ahead == nil {
		r.ahead = make(map[uint64]event.Frame)
	}
	r.ahead[seq] = f
}

// takeAhead moves the frames that a gap had kept back.
func (c *Channel) takeAhead(at Moment) {
	for {
		next := event.Position{Epoch: c.filled.Epoch, Seq: c.filled.Seq + 1}
		f := c.ahead(next.Seq)
		if f == nil {
			return
		}
		c.push(newEntry(c.name, next, f, ViaBus), at)
	}
}

// ahead takes the frame of seq out of those beyond a gap, and drops the ones below it,
// which have come another way. Nil: it is not there.
func (c *Channel) ahead(seq uint64) event.Frame {
	r := c.recent
	if r == nil || len(r.ahead) == 0 {
		return nil
	}
	f := r.ahead[seq]
	for s := range r.ahead {
		if s <= seq {
			delete(r.ahead, s)
		}
	}
	if len(r.ahead) == 0 {
		r.ahead = nil
	}
	return f
}
