package hub

import (
	"time"

	"github.com/bellhop/bellhop/event"
)

// state is what a listener is doing.
type state uint8

const (
	waiting   state = iota // for a verdict about its position
	following              // out of the ring
	fetching               // a page is on its way from the log
)

// sub is a stream's place in one channel.
type sub struct {
	stream *Stream
	ch     *channel
	index  int    // in channel.subs, guarded by channel.mu; -1 once released
	claim  *claim // what is to be judged; nil: the client brought no position
	mail   *mail  // guarded by Stream.mu; nil: none

	state  state
	placed bool // it has a position
	named  bool // ids can speak of it: it has a position, or brought one
	stale  bool // ... that only a replica vouched for
	// pos is how far the listener has come. shown is what ids say of it: what
	// was handed to the socket, or what the client brought as long as nothing
	// was.
	pos, shown event.Position
	life       uint32
	reach      uint64 // where the replay of the join ends
	owed       *reset // to be written before anything else of this channel
	page       *page  // to be written before the ring is looked at
}

// claim is a position that is to be judged. Guarded by channel.mu from the moment
// the listener waits for its verdict until it is told.
type claim struct {
	at event.Position
	// trusted: a difference from the log's epoch has been looked into already.
	trusted bool
}

// mail is what others have to say to a listener.
type mail struct {
	verdict   *verdict
	confirmed *verdict
	turned    bool
	page      *page
}

// reset announces events that can't be delivered: from..to, or an unknown range.
type reset struct {
	from, to uint64 // zero: unknown
	final    bool   // the stream ends after it
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
	switch {
	case brought == nil: // only new events, from the moment of the join on
		b.pos = event.Position{Epoch: v.epoch, Seq: v.head.Seq}
		b.shown = b.pos
	case brought.at.Epoch == "": // all that is there, without a word about the rest
		b.pos = floor
	case backwards:
		b.owed = &reset{final: true}
		b.pos = floor
	case brought.at.Epoch != v.epoch || brought.at.Seq > v.head.Seq:
		b.owed = &reset{}
		b.pos = floor
	default:
		b.pos = brought.at
		b.trim(v.head.Floor)
	}
	b.state, b.placed, b.named, b.stale = following, true, true, v.stale
	b.life, b.reach = v.life, v.reach
	b.page = nil
	b.tally(v)
}

// tally notes the unread count, if this is the inbox.
func (b *sub) tally(v *verdict) {
	if s := b.stream; s.inbox && b == &s.subs[0] {
		s.unread, s.unreadAt = v.head.Unread, v.reach
	}
}

// trim owes a reset for what retention took from under the position.
func (b *sub) trim(floor uint64) {
	if floor <= b.pos.Seq {
		return
	}
	if b.owed == nil && b.shown.Epoch != "" {
		b.owed = &reset{from: b.pos.Seq + 1, to: floor}
	}
	b.pos.Seq = floor
}

// advance writes what the listener can have now.
func (b *sub) advance(w *writer) {
	var ahead [8]entry
	for b.state == following && w.budget > 0 {
		if b.page != nil && b.owed == nil {
			b.trim(b.page.floor)
		}
		if b.owed != nil {
			b.repay(w)
		}
		if b.page != nil {
			if !b.replay(w) {
				return
			}
			continue
		}
		entries, outcome := b.ch.read(ahead[:0], b.pos, b.life, w.budget)
		switch outcome {
		case some:
			b.hand(w, entries)
		case behind:
			b.state = fetching
			b.stream.hub.fetcher.read(b.ch, wish{sub: b, at: b.pos, through: b.ch.head()})
		case outdated:
			b.rejoin()
		case current:
			return
		}
	}
}

// replay writes the page; false if the budget ended first.
func (b *sub) replay(w *writer) bool {
	p := b.page
	n := 0
	for size := 0; n < len(p.entries) && size < w.budget; n++ {
		size += len(p.entries[n].block)
	}
	b.hand(w, p.entries[:n])
	if p.entries = p.entries[n:]; len(p.entries) > 0 {
		return false
	}
	// What lies between the last event and the end of the page was deleted.
	if p.last > b.pos.Seq {
		b.pos.Seq = p.last
		if b.shown.Epoch != "" {
			b.shown = b.pos
		}
	}
	b.page = nil
	return true
}

// hand writes entries in order, each at most once.
func (b *sub) hand(w *writer, entries []entry) {
	for i := range entries {
		e := &entries[i]
		if e.seq <= b.pos.Seq {
			continue
		}
		b.pos.Seq = e.seq
		if e.block != nil || b.shown.Epoch != "" {
			b.shown = b.pos
		}
		if e.block != nil {
			w.event(e)
		}
	}
}

// repay writes the reset that is owed. Its id is where the stream goes on.
func (b *sub) repay(w *writer) {
	r := b.owed
	b.owed = nil
	b.shown = b.pos
	w.reset(b.ch.name, r)
	b.stream.hub.metrics.resets.Inc()
	if r.final {
		b.stream.End(reasonBackwards)
	}
}

// rejoin has the position judged again, because the channel began a new life.
func (b *sub) rejoin() {
	b.state = waiting
	pos, life := b.pos, b.life
	judge := func() {
		c := b.ch
		c.mu.Lock()
		defer c.mu.Unlock()
		if b.index < 0 {
			return
		}
		b.claim = &claim{at: pos, trusted: pos.Epoch != c.at.Epoch || life != c.life}
		c.waiters = append(c.waiters, b)
		if c.link == subscribed {
			c.hub.asker.ask(c, false)
		}
	}
	if d := b.stream.spread(); d > 0 {
		time.AfterFunc(d, judge)
	} else {
		judge()
	}
}
