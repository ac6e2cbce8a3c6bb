package hub

import "github.com/bellhop/bellhop/event"

// mail is what others have to say to a listener.
type mail struct {
	verdict   *verdict
	confirmed *verdict
	note      note
	turned    bool
	stranded  bool
	page      *page
}

// wakeUp has the connection look for what is new.
func (s *Stream) wakeUp() {
	if s.bits.Or(news)&started != 0 {
		s.loop.Wake(s.wakeID)
	}
}

// post puts something into a listener's mail and wakes the stream.
func (s *Stream) post(b *sub, put func(*mail)) {
	s.mu.Lock()
	if !s.closed {
		if b.mail == nil {
			b.mail = new(mail)
		}
		put(b.mail)
	}
	s.mu.Unlock()
	s.wakeUp()
}

// depart tells the stream that the gateway goes away.
func (s *Stream) depart() { s.tell(&s.going) }

// tell sets one of the flags that others set.
func (s *Stream) tell(flag *bool) {
	s.mu.Lock()
	*flag = true
	s.mu.Unlock()
	s.wakeUp()
}

// judge hands a listener the verdict that it waits for.
func (s *Stream) judge(b *sub, v verdict) { s.post(b, func(m *mail) { m.verdict = &v }) }

// confirm tells a listener that the primary stands behind its channel again.
func (s *Stream) confirm(b *sub, v verdict) { s.post(b, func(m *mail) { m.confirmed = &v }) }

// turn answers a listener's wish: with a page, or with nil to look again.
func (s *Stream) turn(b *sub, p *page) {
	s.post(b, func(m *mail) { m.turned, m.page = true, p })
}

// collect empties the mailbox. It returns a note that a client which is live is
// to hear of; others hear of it with bellhop.ready.
func (s *Stream) collect() (told *event.Note) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		s.end(expired)
	}
	if s.going {
		s.end(departure)
	}
	if s.over {
		s.end(refusal)
	}
	for i := range s.subs {
		b := &s.subs[i]
		m := b.mail
		if m == nil {
			continue
		}
		b.mail = nil
		switch {
		case m.verdict != nil:
			b.place(m.verdict)
		case m.stranded:
			b.wait()
		}
		if m.confirmed != nil && b.state != waiting {
			b.stale = false
			b.tally(m.confirmed)
		}
		if m.turned && b.state == fetching {
			b.state = following
			b.page = m.page
		}
		if m.note.Note != nil && b.hear(m.note) && s.ready {
			told = m.note.Note
		}
	}
	return told
}
