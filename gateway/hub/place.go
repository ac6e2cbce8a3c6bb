package hub

import (
	"time"

	"github.com/bellhop/bellhop/event"
)

// claim is a position that is to be judged. Guarded by channel.mu from the moment
// the listener waits for its verdict until it is told.
type claim struct {
	at event.Position
	// trusted: a difference from the log's epoch has been looked into already.
	trusted bool
	// stranded: the listener knows that the kept log is away.
	stranded bool
}

// doubts tells whether the verdict would reset the listener for a difference
// that a wrong server could have shown. Called with channel.mu held.
func (b *sub) doubts(v verdict) bool {
	c := b.claim
	if c == nil || c.trusted || c.at.Epoch == "" || c.at.Epoch == event.NoEpoch {
		return false
	}
	return c.at.Epoch != v.epoch || c.at.Seq > v.head.Seq
}

// place takes the verdict: where the listener goes on, and what it is owed.
func (b *sub) place(v *verdict) {
	floor := event.Position{Epoch: v.epoch, Seq: v.head.Floor}
	brought := b.claim
	b.claim = nil
	backwards := b.placed && v.epoch == b.pos.Epoch && v.life != b.life
	if b.away {
		b.away = false
		b.stream.hub.metrics.waiting.Dec()
	}
	switch {
	case brought == nil:
		b.pos, b.brought = b.start(v), nil
	case brought.at.Epoch == "": // all that is there, without a word about the rest
		b.move(floor)
	case backwards, brought.at.Epoch != v.epoch, brought.at.Seq > v.head.Seq:
		b.owed = &reset{final: backwards}
		if b.stream.bits.Load()&replays != 0 {
			b.move(floor)
		} else {
			// Whoever is told to fetch anew must not be flooded as well, with
			// everybody else after a fail-over.
			b.move(b.start(v))
		}
	default:
		b.move(brought.at)
		b.trim(v.head.Floor)
	}
	b.state, b.placed, b.named, b.stale = following, true, true, v.stale
	b.life, b.reach = v.life, v.reach
	b.tally(v)
}

// start is where a listener without a position begins: with the newest event where the
// policy says so, and else with what is new from the answer's head on. Should the hub
// have come further since, that is replayed, and added to the count of unread events
// that the answer gave.
func (b *sub) start(v *verdict) event.Position {
	at := event.Position{Epoch: v.epoch, Seq: v.reach}
	switch {
	case !b.ch.joinsLatest() || v.reach <= v.head.Floor && !b.ch.conflates():
	case b.ch.conflates(): // the newest of each type
		at.Seq = v.head.Floor
	default:
		at.Seq--
	}
	return at
}

// strand tells a listener that has no position yet that the kept log is away.
// Until it is back, ids say of the channel what the client brought, or that it is
// to begin at the beginning: what comes meanwhile is then not skipped. Called
// with channel.mu held.
func (b *sub) strand() {
	if b.claim == nil {
		b.claim = &claim{}
	}
	if !b.claim.stranded {
		b.claim.stranded = true
		b.stream.post(b, func(m *mail) { m.stranded = true })
	}
}

// wait takes the news that the kept log is away.
func (b *sub) wait() {
	if !b.placed && !b.away {
		b.away, b.named = true, true
		b.stream.hub.metrics.waiting.Inc()
	}
}

// tally notes the unread count, if this is the inbox.
func (b *sub) tally(v *verdict) {
	if b.isInbox() {
		b.stream.opening.count(v.epoch, v.head.Version, v.reach, v.head.Unread)
	}
}

// rejoin has the position judged again, because the channel began a new life.
func (b *sub) rejoin() {
	b.state = waiting
	pos, life := b.pos, b.life
	if b.shown().Epoch == "" {
		pos = event.Position{} // nothing of that life was handed over: its end is no news
	}
	judge := func() {
		c := b.ch
		c.mu.Lock()
		defer c.mu.Unlock()
		if b.index < 0 {
			return
		}
		b.claim = &claim{at: pos, trusted: pos.Epoch != c.at.Epoch || life != c.life}
		c.await(b)
		if c.askable() {
			c.src.asker.ask(c, false)
		}
	}
	if d := b.stream.spread(); d > 0 {
		time.AfterFunc(d, judge)
	} else {
		judge()
	}
}
