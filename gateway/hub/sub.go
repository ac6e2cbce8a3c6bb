package hub

import (
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/hub/read"
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
	claim  *claim // what is to be judged; nil: the client brought no position
	mail   *mail  // guarded by Stream.mu; nil: none

	// pos is how far the listener has come. brought is what ids say of it
	// instead, until something was handed to the socket from there on: what the
	// client brought, or had before its position was moved.
	pos     event.Position
	brought *event.Position
	reach   uint64 // where the replay of the join ends
	owed    *reset // to be written before anything else of this channel
	page    *page  // to be written before the ring is looked at
	life    uint32
	index   int32 // in channel.subs, guarded by channel.mu; -1 once released
	state   state
	placed  bool // it has a position
	away    bool // it has none, and will have none before the kept log is back
	named   bool // ids can speak of it: it has a position, or brought one
	stale   bool // ... that only a replica vouched for
}

// shown is what ids say of the listener.
func (b *sub) shown() event.Position {
	if b.brought != nil {
		return *b.brought
	}
	return b.pos
}

// move sets the position. What ids say stays as it is.
func (b *sub) move(to event.Position) {
	if b.brought == nil {
		was := b.pos
		b.brought = &was
	}
	b.pos = to
}

// reset announces events that can't be delivered: from..to, or an unknown range.
type reset struct {
	from, to uint64 // zero: unknown
	final    bool   // the stream ends after it
}

// trim owes a reset for what retention took from under the position. Where events
// may be skipped that is no loss.
func (b *sub) trim(floor uint64) {
	if floor <= b.pos.Seq {
		return
	}
	if b.owed == nil && b.shown().Epoch != "" && !b.ch.conflates() {
		b.owed = &reset{from: b.pos.Seq + 1, to: floor}
	}
	b.move(event.Position{Epoch: b.pos.Epoch, Seq: floor})
}

// advance writes what the listener can have now.
func (b *sub) advance(w *writer) {
	var ahead [8]entry
	for b.state == following && w.budget > 0 {
		if b.page != nil && b.owed == nil {
			b.trim(b.page.floor)
		}
		if b.owed != nil && b.repay(w) {
			return
		}
		if b.page != nil {
			if !b.replay(w) {
				return
			}
			continue
		}
		entries, outcome := b.ch.read(ahead[:0], b.pos, b.life, b.reach, w.budget)
		switch outcome {
		case some:
			b.hand(w, entries)
		case behind:
			b.state = fetching
			b.ch.src.ranges.Read(b.ch.name, read.Request{For: b, At: b.pos, Through: b.ch.head()})
		case outdated:
			b.rejoin()
		case born:
			// There was nothing to lose, so nothing is announced.
			epoch, life := b.ch.place()
			b.move(event.Position{Epoch: epoch})
			b.life = life
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
		b.passed()
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
		if b.stream.ready && b.ch.conflates() {
			w.skipped += int(e.seq - b.pos.Seq - 1)
		}
		b.pos.Seq = e.seq
		if e.block == nil {
			b.passed()
			continue
		}
		b.brought = nil
		w.event(e)
	}
}

// passed: the position went over events that are not there any more. Ids follow
// it, but for a client that asked for everything: it is to ask for that again
// until it got something.
func (b *sub) passed() {
	if b.brought != nil && b.brought.Epoch != "" {
		b.brought = nil
	}
}

// repay writes the reset that is owed. Its id is where the stream goes on, and if
// that is to be another connection, it tells so: here seqs would come twice.
func (b *sub) repay(w *writer) (final bool) {
	r := b.owed
	b.owed = nil
	b.brought = nil
	w.reset(b.ch.name, r)
	b.stream.hub.metrics.resets.Inc()
	if r.final {
		b.stream.end(silent)
	}
	return r.final
}
