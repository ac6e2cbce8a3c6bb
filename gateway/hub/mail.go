package hub

import "github.com/bellhop/bellhop/event"

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
	for i := range s.subs {
		b := &s.subs[i]
		if b.mail == nil {
			continue
		}
		inbox := s.opening.inboxOf(b)
		was := b.Away()
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
