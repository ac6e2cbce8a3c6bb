package hub

import (
	"math"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/gateway/hub/track"
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
	// ReplayReset: after a reset a channel goes on with all that is retained, and
	// not as for a client that brought no position.
	ReplayReset bool
	// MessageOnly leaves the event lines of events out.
	MessageOnly bool
	// PingEvents makes heartbeats bellhop.ping events instead of comments.
	PingEvents bool
	// Poll: one response after the other carries the stream. See Stream.Greet.
	Poll bool
	// User is the person whose token opened the stream, as the key of their inbox,
	// and Issued when it was issued, zero if it does not say. Empty: there was none.
	User   string
	Issued time.Time
	// Address and Agent are the client's, for whoever asks.
	Address netip.Addr
	Agent   string
	// Retry is after how long the client shall reconnect, already jittered; a
	// minute at most.
	Retry time.Duration
}

// Stream is one stream's place in the hub and the source of its bytes. Its
// positions belong to the goroutine that calls the conn.Source methods; what
// others have to say to it goes through a mailbox.
//
// A gateway has as many of these as it has clients, and most of them wait for
// something to happen. So what is needed only for a while stands elsewhere, and
// what can be worked out is not kept.
type Stream struct {
	hub *Hub
	// loop.Wake(wakeID) wakes the connection. They are set before the bit
	// started is.
	loop    conn.Waker
	wakeID  uint64
	opening *opening // nil once bellhop.ready will not be said any more
	who     *holder
	subs    []sub
	lent    *lines        // holds bytes of what Next returned last
	mu      sync.Mutex    // guards the mailbox: told, closed and sub.mail
	place   int32         // in Hub.streams, guarded by Hub.mu
	bits    atomic.Uint32 // news, started
	retry   uint16        // milliseconds

	messageOnly, pingEvents, inbox bool

	told   last // how others want the stream to end
	closed bool

	turnOf  uint8          // the channel that is served first next time
	ready   bool           // bellhop.ready was said
	greeted track.Greeting // ... and what it said
	leave   last           // how the stream is to end
	ended   bool
	quiet   bool // Next said all that there was
}

// opening is what a stream needs until it has said bellhop.ready for the last time.
type opening struct {
	req    Request
	at     time.Time
	inbox  track.Inbox
	spoken spoken // with Request.Poll
}

// inboxOf is who hears of the unread count of a listener's channel; nil: nobody.
func (o *opening) inboxOf(b *sub) *track.Inbox {
	if o == nil || !b.isInbox() {
		return nil
	}
	return &o.inbox
}

// The bits of Stream.bits.
const (
	// news: something may have changed since Next last looked.
	news = 1 << iota
	// started: the connection can be woken.
	started
)

// last is what a stream has to say at its end.
type last uint8

const (
	goesOn    last = iota // it does not end
	silent                // nothing
	expired               // bellhop.expired
	departure             // bellhop.drain
	refusal               // bellhop.refused
)

var _ conn.Source = (*Stream)(nil)

// Open registers a stream. It does not block, and does no more than that: the
// joins begin with Start. The caller sees to it that Close is called. The error
// is ErrDraining.
func (h *Hub) Open(req Request) (*Stream, error) {
	s := &Stream{
		hub: h, opening: &opening{req: req, at: time.Now()},
		messageOnly: req.MessageOnly, pingEvents: req.PingEvents, inbox: req.Inbox,
		who:   newHolder(&req),
		retry: uint16(min(req.Retry.Milliseconds(), math.MaxUint16)),
		subs:  make([]sub, len(req.Channels)),
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return nil, ErrDraining
	}
	s.place = int32(len(h.streams))
	h.streams = append(h.streams, s)
	return s, nil
}

// User is the person whose token opened the stream, as the key of their inbox;
// empty: there was none.
func (s *Stream) User() string { return s.who.user }

// Start joins the stream's channels.
func (s *Stream) Start(to conn.Waker, id uint64) {
	s.loop, s.wakeID = to, id
	s.bits.Or(started)
	req := &s.opening.req
	for i, name := range req.Channels {
		b := &s.subs[i]
		b.stream, b.ReplayReset = s, req.ReplayReset
		at, brought := req.Cursor.Position(name)
		if req.BadCursor {
			at, brought = event.Position{Epoch: event.NoEpoch}, true
		}
		if brought {
			b.Bring(at)
		}
	}
	for i, name := range req.Channels {
		b := &s.subs[i]
		b.ch = s.hub.hold(name, b)
	}
}

// Next implements conn.Source.
func (s *Stream) Next(bufs [][]byte, budget int) (out [][]byte, end bool) {
	s.giveBack()
	if s.ended {
		return bufs, true
	}
	// A connection asks until it hears nothing: the last of these calls need
	// not look at every channel again.
	if s.bits.Load()&news != 0 {
		s.bits.And(^uint32(news))
	} else if s.quiet && s.leave == goesOn {
		return bufs, false
	}
	told := s.collect()
	w := writer{stream: s, bufs: bufs, budget: budget}
	if s.placed() {
		n := uint8(len(s.subs))
		for i := range n {
			s.subs[(s.turnOf+i)%n].advance(&w)
		}
		if w.budget <= 0 {
			s.turnOf = (s.turnOf + 1) % n
		}
		s.greet(&w)
	}
	if told != nil {
		w.read(told)
	}
	if s.leave != goesOn {
		w.farewell(s.leave)
		s.ended = true
	}
	s.quiet = w.budget > 0
	if s.opening != nil {
		s.opening.spoken.blocks += w.blocks
	}
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
	if reason == conn.ReasonExpired {
		s.end(expired)
	} else {
		// At its maximum age there is nothing to say: the client reconnects after
		// the time that it was given with its ready.
		s.end(silent)
	}
}

// end ends the stream, unless that is decided already.
func (s *Stream) end(how last) {
	if s.leave == goesOn {
		s.leave = how
	}
}

// Close implements conn.Source. It also ends a stream that was never started,
// and may be called more than once.
func (s *Stream) Close(reason conn.Reason) {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	if again {
		return
	}
	if m := s.hub.recall; m != nil {
		m.ended(s, reason)
	}
	for i := range s.subs {
		b := &s.subs[i]
		if b.ch != nil {
			b.ch.release(b)
		}
		s.countAway(b.Away(), false)
	}
	s.hub.closed(s)
}
