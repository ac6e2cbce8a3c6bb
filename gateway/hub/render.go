package hub

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/conn"
)

// Reasons of a source for ending its stream.
const (
	reasonDrain     conn.Reason = "drain"     // the gateway goes away
	reasonBackwards conn.Reason = "backwards" // the log went back within an epoch
	reasonRevoked   conn.Reason = "revoked"   // the token is no good any more
)

var (
	pingComment = []byte(": hb\n\n")
	pingEvent   = []byte("event: bellhop.ping\ndata: {}\n\n")
)

// writer gathers the bytes of one call of Next.
type writer struct {
	stream *Stream
	bufs   [][]byte
	budget int
	events [viaCount]int
}

func (w *writer) put(b []byte) {
	w.bufs = append(w.bufs, b)
	w.budget -= len(b)
}

// event writes an event. Streams of one channel share the whole block; others
// share the frame and have an id line of their own, since it names all channels.
func (w *writer) event(e *entry) {
	w.events[e.via]++
	from := 0
	if w.stream.messageOnly {
		from = bytes.IndexByte(e.block, '\n') + 1
	}
	if len(w.stream.subs) == 1 {
		w.put(e.block[from:])
		return
	}
	w.put(e.block[from:e.frame])
	w.put(w.endBlock(nil))
}

// endBlock appends the id line and the empty line. The id names what was handed
// over of each channel; a channel that has no position yet is left out.
func (w *writer) endBlock(dst []byte) []byte {
	if dst == nil {
		dst = make([]byte, 0, 8+48*len(w.stream.subs))
	}
	line := len(dst)
	dst = append(dst, "id: "...)
	start := len(dst)
	for i := range w.stream.subs {
		b := &w.stream.subs[i]
		if b.named {
			dst = event.AppendCursor(dst, start, b.shown, b.ch.name)
		}
	}
	if len(dst) == start {
		return append(dst[:line], '\n')
	}
	return append(dst, "\n\n"...)
}

// ready says that the client is live.
func (w *writer) ready() {
	b := append(make([]byte, 0, 192), "event: bellhop.ready\ndata: {"...)
	if w.stream.inbox {
		b = append(b, `"unread":`...)
		b = strconv.AppendUint(b, w.stream.unread, 10)
		b = append(b, `,"head":`...)
		b = strconv.AppendUint(b, w.stream.unreadAt, 10)
	}
	if w.stream.stale {
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(b, `"stale":true`...)
	}
	b = append(b, "}\n"...)
	b = appendRetry(b, w.stream.retry)
	w.put(w.endBlock(b))
}

// reset announces what can't be delivered.
func (w *writer) reset(ch event.Channel, r *reset) {
	b := append(make([]byte, 0, 192), `event: bellhop.reset`+"\n"+`data: {"channel":"`...)
	b = append(b, ch...)
	b = append(b, `","from":`...)
	b = appendSeq(b, r.from)
	b = append(b, `,"to":`...)
	b = appendSeq(b, r.to)
	b = append(b, "}\n"...)
	w.put(w.endBlock(b))
}

// farewell says the last words of a stream. At its maximum age there are none:
// the client reconnects after the time that it was given with its ready.
func (w *writer) farewell(why conn.Reason) {
	switch why {
	case conn.ReasonExpired, reasonRevoked:
		w.put(w.endBlock([]byte("event: bellhop.expired\ndata: {}\n")))
	case reasonDrain:
		b := []byte("event: bellhop.drain\ndata: {}\n")
		b = appendRetry(b, drainRetry+rand.N(drainRetrySpan))
		w.put(w.endBlock(b))
	default: // there is nothing to add
	}
}

// count adds what was written to the metrics, once per call.
func (w *writer) count() {
	for v, n := range w.events {
		if n > 0 {
			w.stream.hub.metrics.delivered[v].Add(float64(n))
		}
	}
}

func appendRetry(dst []byte, d time.Duration) []byte {
	dst = append(dst, "retry: "...)
	dst = strconv.AppendInt(dst, d.Milliseconds(), 10)
	return append(dst, '\n')
}

func appendSeq(dst []byte, seq uint64) []byte {
	if seq == 0 {
		return append(dst, "null"...)
	}
	return strconv.AppendUint(dst, seq, 10)
}
