package hub

import (
	"time"

	"github.com/bellhop/bellhop/gateway/hub/read"
	"github.com/bellhop/bellhop/gateway/hub/track"
)

// sub is a stream's place in one channel.
type sub struct {
	stream *Stream     // never changes
	ch     *channel    // set by Start
	mail   *track.Mail // guarded by Stream.mu; nil: none
	track.Listener
}

// subOf is the listener that waited.
func subOf(w track.Waiter) *sub { return w.(*sub) } //nolint:errcheck,forcetypeassert // Hub.hold and sub.resolve make them

// isInbox tells whether this is the inbox of the person whose stream it is.
func (b *sub) isInbox() bool { return b.stream.inbox && b == &b.stream.subs[0] }

// post puts something into the listener's mail and wakes the stream.
func (b *sub) post(put func(*track.Mail)) {
	s := b.stream
	s.mu.Lock()
	if !s.closed {
		if b.mail == nil {
			b.mail = new(track.Mail)
		}
		put(b.mail)
	}
	s.mu.Unlock()
	s.wakeUp()
}

// answer answers the listener's request: with a page, or with nil to look again.
func (b *sub) answer(p *track.Page) {
	b.post(func(m *track.Mail) { m.Answered, m.Page = true, p })
}

// advance writes what the listener can have now.
func (b *sub) advance(w *writer) {
	var room [8]track.Entry
	rules := b.ch.Rules()
	for w.budget > 0 {
		switch b.Next(rules) {
		case track.Rest:
			return
		case track.WriteReset:
			if b.writeReset(w) {
				return
			}
		case track.WritePage:
			// Less may be written than the page says, so that there is room for more of it.
			b.hand(w, b.Page(w.budget))
			b.PageWritten()
		case track.ReadRing:
			b.ch.mu.Lock()
			entries, reading, do := b.ch.Read(room[:0], &b.Listener, w.budget)
			var through uint64
			if reading == track.Behind {
				through = b.ch.Filled().Seq
			}
			if do != 0 {
				b.ch.do(track.Effects{Do: do})
			}
			b.ch.mu.Unlock()
			switch reading {
			case track.Some:
				b.hand(w, entries)
			case track.Behind:
				b.ch.src.ranges.Read(b.ch.Name(), read.Request{For: b, At: b.Fetch(), Through: through})
			case track.Outdated:
				b.resolve()
			case track.Born:
			case track.Current:
				return
			}
		}
	}
}

// hand writes entries in order.
func (b *sub) hand(w *writer, entries []track.Entry) {
	count := b.stream.ready && b.ch.Rules().Conflate
	for i := range entries {
		write, skipped := b.Hand(&entries[i])
		if count {
			w.skipped += skipped
		}
		if write {
			w.event(&entries[i])
			if m := entries[i].Mark; m.Lap != 0 {
				w.stream.hub.recall.handed(m)
			}
		}
	}
}

// writeReset writes the reset that is to be announced; final: nothing comes after it.
func (b *sub) writeReset(w *writer) (final bool) {
	r := b.TakeReset()
	w.reset(b.ch.Name(), r)
	b.stream.hub.metrics.resets.Inc()
	if r.Final {
		b.stream.end(silent)
	}
	return r.Final
}

// resolve has the position resolved again, because the channel began a new life. Streams
// that are live do so at different moments: their clients will then refetch at different
// moments.
func (b *sub) resolve() {
	b.Resolve()
	rejoin := func() {
		b.ch.act(func(at track.Moment) track.Effects { return b.ch.Rejoin(b, at) })
	}
	if d := b.stream.spread(); d > 0 {
		time.AfterFunc(d, rejoin)
	} else {
		rejoin()
	}
}
