// Package poll carries streams by long polls, for clients that get a response only
// when it has ended: behind a proxy that holds it back, or in a shell that does.
//
// A long poll is one response of a stream that goes on: the same source, blocks and
// cursor. It is ended as soon as it told its client something, and between two of them
// the stream waits, with its places in all channels, for whoever brings the cursor that
// it ended with. So nothing is asked of the log, and of the bus, when a client that
// heard nothing new comes back.
package poll

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/bellhop/bellhop/gateway/conn"
)

// Gather is how long a poll goes on after it told its client something: events tend to
// come together, and each further poll costs the client a request.
const Gather = 50 * time.Millisecond

// Stream is a source that several responses carry, one after the other.
type Stream interface {
	conn.Source
	conn.Explainer
	// Greet begins another response than the first: the stream says bellhop.ready
	// again. What Next returned before stays as it is.
	Greet()
	// Said tells how many blocks the response has, whether one of them is
	// bellhop.ready, and whether the next call of Next has more.
	Said() (blocks int, live, more bool)
	// Cursor is how far the stream has come, as its client would say it; empty: it
	// has not come that far.
	Cursor() string
}

// ReasonPoll is why a poll ends whose stream goes on.
const ReasonPoll conn.Reason = "poll"

// Poll is one response of a stream. It implements conn.Source.
type Poll struct {
	*line

	polls   *Polls
	resumed bool // the stream was another poll's before
	key     Key  // with the cursor that the client brought
	left    func()
	wait    time.Duration
	until   time.Time   // it ends then although its stream has more to say
	timer   *time.Timer // runs out after wait, or sooner once what came was gathered
	through atomic.Bool // it ran out
	began   bool        // the rule said that the poll is over
	ended   bool        // the line is another's, or nobody's
}

// line is a stream and who carries it now. It wakes that one.
type line struct {
	stream Stream

	mu sync.Mutex
	to conn.Waker // nil: nobody
	id uint64
}

// Wake implements conn.Waker. It may be called with locks of the stream's held.
func (l *line) Wake(uint64) {
	l.mu.Lock()
	to, id := l.to, l.id
	l.mu.Unlock()
	if to != nil {
		to.Wake(id)
	}
}

// carry has the stream's wakes go to another connection; nil: to nobody.
func (l *line) carry(to conn.Waker, id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to, l.id = to, id
}

// Start implements conn.Source.
func (p *Poll) Start(to conn.Waker, id uint64) {
	p.until = time.Now().Add(p.wait)
	p.timer = time.AfterFunc(p.wait, func() {
		p.through.Store(true)
		p.Wake(0)
	})
	p.carry(to, id)
	if !p.resumed {
		p.stream.Start(p.line, 0)
		return
	}
	p.stream.Greet()
	p.Wake(0)
}

// Next implements conn.Source.
func (p *Poll) Next(bufs [][]byte, limit int) (out [][]byte, end bool) {
	if p.ended {
		return bufs, true
	}
	through := p.through.Load()
	bufs, end = p.stream.Next(bufs, limit)
	if end {
		return bufs, true // the stream's own end
	}
	blocks, live, more := p.stream.Said()
	// The rule: a poll is over when its client is live and was told what it did not know.
	// bellhop.ready is news only with a cursor other than the one that was brought:
	// whoever came without one goes on from it.
	if !p.began && live && (blocks > 1 || p.key.At != p.stream.Cursor()) {
		p.began = true
		p.timer.Reset(min(Gather, time.Until(p.until)))
	}
	if through && (!more || !time.Now().Before(p.until)) {
		p.handOver()
		return bufs, true
	}
	return bufs, false
}

// handOver ends the response and keeps the stream for the next poll. The client can't
// come back before: the bytes that end the response are yet to be written.
func (p *Poll) handOver() {
	p.ended = true
	p.carry(nil, 0)
	p.leave()
	p.key.At = p.stream.Cursor()
	p.polls.keep(p.key, p.line)
}

// Heartbeat implements conn.Source.
func (p *Poll) Heartbeat() []byte { return p.stream.Heartbeat() }

// End implements conn.Source.
func (p *Poll) End(reason conn.Reason) {
	if !p.ended {
		p.stream.End(reason)
	}
}

// Why implements conn.Explainer.
func (p *Poll) Why() conn.Reason {
	if p.ended {
		return ReasonPoll
	}
	return p.stream.Why()
}

// Close implements conn.Source.
func (p *Poll) Close(reason conn.Reason) {
	if !p.ended {
		p.ended = true
		p.carry(nil, 0)
		p.stream.Close(reason)
		p.leave()
	}
}

// leave tells once that the poll is not open any more.
func (p *Poll) leave() {
	if p.timer != nil { // it was started
		p.timer.Stop()
	}
	p.polls.open.Dec()
	p.left()
}
