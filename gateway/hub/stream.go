package hub

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/conn"
)

// Request describes a stream that is to be opened.
type Request struct {
	// Channels are what the stream carries, none twice, at least one. With
	// Inbox the first is the inbox of the person who asks.
	Channels []event.Channel
	Inbox    bool
	// Cursor is what the client brought; a channel without a position starts
	// at its head.
	Cursor event.Cursor
	// BadCursor: the client brought something that is no cursor. It is told of
	// a reset in every channel.
	BadCursor bool
	// MessageOnly leaves the event lines of events out.
	MessageOnly bool
	// PingEvents makes heartbeats bellhop.ping events instead of comments.
	PingEvents bool
	// Claims are of the token that opened the stream; nil: there was none. They
	// are for EndRevoked alone.
	Claims *auth.Claims
	// Retry is after how long the client shall reconnect, already jittered.
	Retry time.Duration
}

// Stream is one stream's place in the hub and the source of its bytes. Its
// positions belong to the goroutine that calls the conn.Source methods; what
// others have to say to it goes through a mailbox.
type Stream struct {
	hub  *Hub
	req  *Request // nil once the stream is started
	wake atomic.Pointer[func()]
	// news: something may have changed since Next last looked.
	news atomic.Bool

	messageOnly, pingEvents, inbox bool
	retry                          time.Duration
	claims                         *auth.Claims

	mu     sync.Mutex // guards the mailbox: these fields and sub.mail
	going  bool       // the gateway drains
	gone   bool       // the token was revoked
	closed bool

	subs []sub
	// unread counts the inbox's unread events at its seq unreadAt.
	unread, unreadAt uint64
	opened           int64       // nanoseconds since 1970
	turnOf           int         // the channel that is served first next time
	ready            bool        // bellhop.ready was said
	stale            bool        // ... with "stale":true
	leave            conn.Reason // why the stream is to end; empty: it goes on
	ended            bool
	quiet            bool // Next said all that there was
}

var _ conn.Source = (*Stream)(nil)

// Open registers a stream. It does not block, and does no more than that: the
// joins begin with Start. The caller sees to it that Close is called. The error
// is ErrDraining.
func (h *Hub) Open(req Request) (*Stream, error) {
	s := &Stream{
		hub: h, req: &req, messageOnly: req.MessageOnly, pingEvents: req.PingEvents, inbox: req.Inbox, retry: req.Retry, claims: req.Claims,
		subs: make([]sub, len(req.Channels)), opened: time.Now().UnixNano(),
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return nil, ErrDraining
	}
	h.streams[s] = struct{}{}
	return s, nil
}

// Start joins the stream's channels.
func (s *Stream) Start(wake func()) {
	s.wake.Store(&wake)
	req := s.req
	s.req = nil
	for i, name := range req.Channels {
		b := &s.subs[i]
		b.stream = s
		at, brought := req.Cursor.Position(name)
		if req.BadCursor {
			at, brought = event.Position{Epoch: event.NoEpoch}, true
		}
		if brought {
			b.claim = &claim{at: at}
			b.shown, b.named = at, true
		}
	}
	for i, name := range req.Channels {
		b := &s.subs[i]
		b.ch = s.hub.hold(name, b)
	}
}

// Next implements conn.Source.
func (s *Stream) Next(bufs [][]byte, budget int) (out [][]byte, end bool) {
	if s.ended {
		return bufs, true
	}
	// A connection asks until it hears nothing: the last of these calls need
	// not look at every channel again.
	if !s.news.Swap(false) && s.quiet && s.leave == "" {
		return bufs, false
	}
	s.collect()
	w := writer{stream: s, bufs: bufs, budget: budget}
	if s.placed() {
		n := len(s.subs)
		for i := range n {
			s.subs[(s.turnOf+i)%n].advance(&w)
		}
		if w.budget <= 0 {
			s.turnOf = (s.turnOf + 1) % n
		}
		s.greet(&w)
	}
	if s.leave != "" {
		w.farewell(s.leave)
		s.ended = true
	}
	s.quiet = w.budget > 0
	w.count()
	return w.bufs, s.ended
}

// Heartbeat implements conn.Source.
func (s *Stream) Heartbeat() []byte {
	if s.pingEvents {
		return pingEvent
	}
	return pingComment
}

// End implements conn.Source.
func (s *Stream) End(reason conn.Reason) {
	if s.leave == "" {
		s.leave = reason
	}
}

// Close implements conn.Source. It also ends a stream that was never started,
// and may be called more than once.
func (s *Stream) Close(conn.Reason) {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	if again {
		return
	}
	for i := range s.subs {
		if b := &s.subs[i]; b.ch != nil {
			b.ch.release(b)
		}
	}
	s.hub.closed(s)
}

func (s *Stream) wakeUp() {
	s.news.Store(true)
	if wake := s.wake.Load(); wake != nil {
		(*wake)()
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

// collect empties the mailbox.
func (s *Stream) collect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		s.End(reasonRevoked)
	}
	if s.going {
		s.End(reasonDrain)
	}
	for i := range s.subs {
		b := &s.subs[i]
		m := b.mail
		if m == nil {
			continue
		}
		b.mail = nil
		if m.verdict != nil {
			b.place(m.verdict)
		}
		if m.confirmed != nil && b.state != waiting {
			b.stale = false
			b.tally(m.confirmed)
		}
		if m.turned && b.state == fetching {
			b.state = following
			b.page = m.page
		}
	}
}

// placed tells whether every channel has a position. No event is written before:
// the ids would say nothing of the channels that come later.
func (s *Stream) placed() bool {
	for i := range s.subs {
		if !s.subs[i].placed {
			return false
		}
	}
	return true
}

// greet says bellhop.ready once every channel has been replayed, and again when
// the primary stands behind a stream that began without it.
func (s *Stream) greet(w *writer) {
	stale := false
	for i := range s.subs {
		b := &s.subs[i]
		if !s.ready && (b.state == waiting || b.owed != nil || b.pos.Seq < b.reach) {
			return
		}
		stale = stale || b.stale
	}
	if s.ready && (stale || !s.stale) {
		return
	}
	if !s.ready {
		for i := range s.subs {
			s.subs[i].shown = s.subs[i].pos
		}
		s.hub.metrics.joins.Observe(time.Since(time.Unix(0, s.opened)).Seconds())
	}
	s.ready, s.stale = true, stale
	w.ready()
}

// spread is how long a stream that is live waits before it tells its client of
// a reset: many clients will then refetch at different moments.
func (s *Stream) spread() time.Duration {
	if !s.ready {
		return 0
	}
	longest := min(s.hub.cfg.ResetSpread, time.Duration(s.hub.Streams())*time.Millisecond)
	return rand.N(longest + 1)
}
