package hub

import (
	"math/rand/v2"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/hub/track"
)

// wakeUp has the connection look for what is new.
func (s *Stream) wakeUp() {
	if s.bits.Or(news)&started != 0 {
		s.loop.Wake(s.wakeID)
	}
}

// tell has the stream end, unless it ends already, and tells whether it does now.
func (s *Stream) tell(how last) bool {
	s.mu.Lock()
	first := s.told == goesOn && !s.closed
	if s.told == goesOn || how < s.told {
		s.told = how
	}
	s.mu.Unlock()
	s.wakeUp()
	return first
}

// collect empties the mailbox. It returns a note that a client which is live is
// to hear of; others hear of it with bellhop.ready.
func (s *Stream) collect() (told *event.Note) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(s.told)
	if a := s.who.asked; a != nil {
		s.who.asked = nil
		a <- s.places()
	}
	for i := range s.subs {
		b := &s.subs[i]
		if b.mail == nil {
			continue
		}
		inbox := s.opening.inboxOf(b)
		was := b.Away()
		if left, known := b.Left(b.mail, b.ch.Rules()); known {
			s.hub.metrics.left.WithLabelValues(b.ch.Name().Namespace()).Observe(float64(left))
		}
		note, keep := b.Take(b.mail, b.ch.Rules(), inbox)
		b.mail = keep
		if note != nil && s.ready {
			told = note
		}
		s.countAway(was, b.Away())
	}
	return told
}

// countAway counts channels that wait for the kept log.
func (s *Stream) countAway(was, is bool) {
	switch {
	case is && !was:
		s.hub.metrics.waiting.Inc()
	case was && !is:
		s.hub.metrics.waiting.Dec()
	}
}

// placed tells whether every channel has a position, or is known to wait for the kept
// log. No event is written before.
func (s *Stream) placed() bool {
	for i := range s.subs {
		if !s.subs[i].Placed() {
			return false
		}
	}
	return true
}

// greet says bellhop.ready once every channel has been replayed, and again when there
// is news about that.
func (s *Stream) greet(w *writer) {
	o := s.opening
	if o == nil {
		return
	}
	due := !s.ready || o.req.Poll && !o.spoken.live
	if !due && s.greeted == (track.Greeting{}) {
		return
	}
	var g track.Greeting
	for i := range s.subs {
		if !g.Add(&s.subs[i].Listener) {
			return
		}
	}
	if !due && !g.News(s.greeted) {
		return
	}
	for i := range s.subs {
		s.subs[i].Greeted()
	}
	if !s.ready {
		s.hub.metrics.joins.Observe(time.Since(o.at).Seconds())
	}
	if o.req.Poll && s.inbox {
		s.subs[0].CountTo(&o.inbox)
	}
	s.ready, s.greeted, o.spoken.live = true, g, true
	w.ready(&o.inbox)
	if g == (track.Greeting{}) && !o.req.Poll {
		s.opening = nil
	}
}

// resetSpread is the longest time over which resets of all streams after a change of
// epoch are spread; few streams take less, a millisecond each.
const resetSpread = 10 * time.Second

// spread is how long a stream that is live waits before it tells its client of a reset.
func (s *Stream) spread() time.Duration {
	if !s.ready {
		return 0
	}
	longest := min(resetSpread, time.Duration(s.hub.Streams())*time.Millisecond)
	return rand.N(longest + 1)
}
