package hub

import "github.com/bellhop/bellhop/event"

// spoken is what a stream has said on the response that carries it now, where one
// response follows the other (Request.Poll).
type spoken struct {
	blocks int
	live   bool // bellhop.ready is one of them
}

// Greet begins another response of a stream that was opened with Request.Poll: it says
// bellhop.ready once what there is by now was replayed. Bytes that Next returned before
// stay as they are: they may still be on their way.
func (s *Stream) Greet() {
	s.lent = nil
	s.opening.spoken = spoken{}
	for i := range s.subs {
		if b := &s.subs[i]; b.ch != nil {
			b.ch.mu.Lock()
			b.ch.Await(&b.Listener)
			b.ch.mu.Unlock()
		}
	}
	s.bits.Or(news)
}

// Said tells what the stream, opened with Request.Poll, has said since Greet: so many
// blocks, heartbeats not counted. live: bellhop.ready is one of them. more: the next
// call of Next says more.
func (s *Stream) Said() (blocks int, live, more bool) {
	said := &s.opening.spoken
	return said.blocks, said.live, !s.quiet
}

// Cursor is what the next id would say; empty: it would not speak of all channels.
func (s *Stream) Cursor() string {
	var b []byte
	for i := range s.subs {
		at, named := s.subs[i].Shown()
		if !named || s.subs[i].ch == nil {
			return ""
		}
		b = event.AppendCursor(b, 0, at, s.subs[i].ch.Name())
	}
	return string(b)
}

// CursorOf is the Stream.Cursor of the stream that gave its client the cursor that the
// request brings. Empty: there is no such stream.
func (r *Request) CursorOf() string {
	var b []byte
	for _, name := range r.Channels {
		at, brought := r.Cursor.Position(name)
		if !brought || r.BadCursor {
			return ""
		}
		b = event.AppendCursor(b, 0, at, name)
	}
	return string(b)
}
