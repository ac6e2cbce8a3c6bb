package track

import "time"

// link is what the bus and this gateway have agreed about a channel. One operation is
// in flight at a time: an acknowledgement carries no number, so an old one could be
// taken for a new one. Only a subscription that nobody needs any more is given up
// before it is acknowledged; what still comes of it is ignored.
type link uint8

const (
	unlinked link = iota
	subscribing
	subscribed
	unsubscribing
)

// Join adds a listener, which waits for its position to be resolved. away: its log is
// away, and it is to be told.
func (c *Channel) Join(w Waiter, at Moment) (fx Effects, away bool) {
	c.idle = 0
	c.await(w)
	if c.link == unlinked {
		c.link = subscribing
		fx.Do |= Subscribe
	}
	if c.Askable(at) { // otherwise the acknowledgement goes on from here
		fx.Do |= Ask
	}
	return fx, at.LogAway && w.Waiting().logAway()
}

// Rejoin has the position of a listener resolved again, because the channel began
// another life. Its claim is trusted if the channel has left that claim's life already:
// the difference was checked then.
func (c *Channel) Rejoin(w Waiter, at Moment) (fx Effects) {
	l := w.Waiting()
	if l.left() {
		return fx
	}
	l.claim.trusted = l.claim.At.Epoch != c.filled.Epoch || l.claim.generation != c.generation
	c.await(w)
	if c.Askable(at) {
		fx.Do |= Ask
	}
	return fx
}

// Leave notes that the last listener has left. The channel stays subscribed for a
// while: people reload pages.
func (c *Channel) Leave(at Moment) {
	c.idle = at.Now.UnixNano()
	if c.recent != nil {
		c.recent.waiters = nil
		c.shrink()
	}
}

// Subscribed takes an acknowledgement of the bus.
func (c *Channel) Subscribed() (fx Effects) {
	switch c.link {
	case subscribing:
		c.link = subscribed
		fx.Do |= Ask
	case subscribed:
		// The connection was made anew, and what was published in between is lost.
		fx.Do |= LookAround
	case unlinked, unsubscribing:
	}
	return fx
}

// Unsubscribed takes the acknowledgement that the channel was given up. Somebody may
// have come meanwhile.
func (c *Channel) Unsubscribed() (fx Effects) {
	switch {
	case c.link != unsubscribing:
	case c.idle == 0:
		c.link = subscribing
		fx.Do |= Subscribe
	default:
		c.link = unlinked
		fx.Do |= Drop
	}
	return fx
}

// Sweep forgets what has been kept for longer than age, and gives the channel up once
// nobody has listened for a while, whether its subscription was ever acknowledged or
// not: while the bus is away nobody acknowledges.
func (c *Channel) Sweep(age time.Duration, at Moment) (fx Effects) {
	c.expire(age, at)
	up := c.link == subscribed || c.link == subscribing
	if up && c.idle != 0 && at.Now.UnixNano()-c.idle >= int64(at.Idle) {
		c.link, c.known, c.stale = unsubscribing, false, false
		c.recent = nil
		fx.Do |= Unsubscribe
	}
	return fx
}

// Askable tells whether the log can be asked about the channel: first subscribe, then
// ask, or what is published in between is lost. While the bus is in doubt nobody may
// acknowledge for a long time: then the tail, or the next look at the heads of kept
// channels, stands in for it, and the acknowledgement asks once more.
func (c *Channel) Askable(at Moment) bool {
	return c.link == subscribed || c.link != unlinked && c.idle == 0 && at.InDoubt
}

// Unheard tells whether somebody waits who can be answered though nobody acknowledged.
func (c *Channel) Unheard(at Moment) bool {
	return c.Awaited() && c.link != subscribed && c.Askable(at)
}
