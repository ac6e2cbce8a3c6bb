package hub

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/hub/track"
)

var (
	pingComment = []byte(": hb\n\n")
	pingEvent   = []byte("event: bellhop.ping\ndata: {}\n\n")
)

// writer collects the bytes of one call of Next.
type writer struct {
	stream *Stream
	bufs   [][]byte
	budget int
	blocks int // written
	events [track.ViaCount]int
	// ring are those of them that were in memory for a stream that comes back.
	ring int
	// skipped counts events of conflated channels that newer ones stood for.
	skipped int
}

func (w *writer) put(b []byte) {
	w.bufs = append(w.bufs, b)
	w.budget -= len(b)
}

// event writes an event. Streams of one channel share the whole block; others
// share the frame and have an id line of their own, since it names all channels.
func (w *writer) event(e *track.Entry) {
	w.events[e.Via]++
	if e.Via != track.ViaReplay && !w.stream.ready {
		w.ring++
	}
	from := 0
	if w.stream.messageOnly {
		from = bytes.IndexByte(e.Block, '\n') + 1
	}
	if len(w.stream.subs) == 1 {
		w.put(e.Block[from:])
		w.blocks++
		return
	}
	w.put(e.Block[from:e.Frame])
	w.own(w.endBlock(w.blank()))
}

// lines is room for what only one stream says. It is lent to a stream until its
// next call of Next, when nobody looks at the last one's bytes any more, so that
// an event costs no memory of its own for each of its streams.
type lines struct{ b []byte }

// keepLines is the most room that is lent again.
const keepLines = 4 << 10

var spareLines = sync.Pool{New: func() any { return &lines{make([]byte, 0, 256)} }}

// blank is where the stream's own bytes go on. What is appended to it is said by
// own.
func (w *writer) blank() []byte {
	if w.stream.lent == nil {
		w.stream.lent = spareLines.Get().(*lines) //nolint:errcheck,forcetypeassert // the pool holds nothing else
	}
	return w.stream.lent.b
}

func (w *writer) own(b []byte) {
	l := w.stream.lent
	w.put(b[len(l.b):len(b):len(b)])
	l.b = b
}

// giveBack ends the loan of the last call.
func (s *Stream) giveBack() {
	l := s.lent
	if l == nil {
		return
	}
	s.lent = nil
	if cap(l.b) <= keepLines {
		l.b = l.b[:0]
		spareLines.Put(l)
	}
}

// endBlock appends the id line and the empty line. The id names what was handed
// over of each channel; a channel that has no position yet is left out.
func (w *writer) endBlock(dst []byte) []byte {
	w.blocks++
	line := len(dst)
	dst = append(dst, "id: "...)
	start := len(dst)
	for i := range w.stream.subs {
		b := &w.stream.subs[i]
		if at, named := b.Shown(); named {
			dst = event.AppendCursor(dst, start, at, b.ch.Name())
		}
	}
	if len(dst) == start {
		return append(dst[:line], '\n')
	}
	return append(dst, "\n\n"...)
}

// ready says that the client is live.
func (w *writer) ready(o *track.Inbox) {
	b := append(w.blank(), "event: bellhop.ready\ndata: {"...)
	if w.stream.inbox {
		b = append(b, `"unread":`...)
		b = strconv.AppendUint(b, o.Unread, 10)
		b = append(b, `,"head":`...)
		b = strconv.AppendUint(b, o.Head, 10)
	}
	if w.stream.greeted.Stale {
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(b, `"stale":true`...)
	}
	if w.stream.greeted.Waiting > 0 {
		b = w.waiting(b)
	}
	b = append(b, "}\n"...)
	b = appendRetry(b, time.Duration(w.stream.retry)*time.Millisecond)
	w.own(w.endBlock(b))
}

// waiting appends the names of the channels that wait for the kept log.
func (w *writer) waiting(b []byte) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, `"waiting":[`...)
	sep := ""
	for i := range w.stream.subs {
		if s := &w.stream.subs[i]; s.Away() {
			b = append(b, sep...)
			b = append(b, '"')
			b = append(b, s.ch.Name()...)
			b = append(b, '"')
			sep = ","
		}
	}
	return append(b, ']')
}

// reset announces what can't be delivered.
func (w *writer) reset(ch event.Channel, r *track.Reset) {
	b := append(w.blank(), `event: bellhop.reset`+"\n"+`data: {"channel":"`...)
	b = append(b, ch...)
	b = append(b, `","from":`...)
	b = appendSeq(b, r.From)
	b = append(b, `,"to":`...)
	b = appendSeq(b, r.To)
	b = append(b, "}\n"...)
	w.own(w.endBlock(b))
}

// read says how the inbox was changed, in this stream or another one.
func (w *writer) read(n *event.Note) {
	b := append(w.blank(), `event: bellhop.read`+"\n"+`data: {"change":"`...)
	b = append(b, changes[n.Kind]...)
	b = append(b, `","up_to":`...)
	b = appendSeq(b, n.UpTo)
	b = append(b, `,"seqs":`...)
	if n.Seqs == nil {
		b = append(b, "null"...)
	} else {
		for i, seq := range n.Seqs {
			b = append(b, "[,"[min(i, 1)])
			b = strconv.AppendUint(b, seq, 10)
		}
		b = append(b, ']')
	}
	b = append(b, `,"unread":`...)
	b = strconv.AppendUint(b, n.Unread, 10)
	b = append(b, `,"head":`...)
	b = strconv.AppendUint(b, n.Head, 10)
	if n.Kind == event.NoteMuted {
		b = append(b, `,"muted":[`...)
		for i, kind := range n.Muted.Types() {
			b = strconv.AppendQuote(append(b, ","[:min(i, 1)]...), kind)
		}
		b = append(b, ']')
	}
	w.own(w.endBlock(append(b, "}\n"...)))
}

// changes are the names of kinds of notes.
var changes = [...]string{
	event.NoteOther: "other", event.NoteRead: "read", event.NoteUnread: "unread",
	event.NoteRemoved: "removed", event.NoteReplaced: "replaced",
	event.NoteSeen: "seen", event.NoteArchived: "archived", event.NoteRenewed: "replaced",
	event.NoteMuted: "muted",
}

// farewell says the last words of a stream.
func (w *writer) farewell(how last) {
	switch how {
	case expired:
		w.own(w.endBlock(append(w.blank(), "event: bellhop.expired\ndata: {}\n"...)))
	case departure:
		b := append(w.blank(), "event: bellhop.drain\ndata: {}\n"...)
		b = appendRetry(b, drainRetry+rand.N(drainRetrySpan))
		w.own(w.endBlock(b))
	case refusal:
		b := append(w.blank(), `event: bellhop.refused`+"\n"+`data: {"reason":"user_streams"}`+"\n"...)
		b = appendRetry(b, RefusedLeast+rand.N(RefusedSpan))
		w.own(w.endBlock(b))
	case goesOn, silent: // there is nothing to add
	}
}

// count adds what was written to the metrics, once per call.
func (w *writer) count() {
	for v, n := range w.events {
		if n > 0 {
			w.stream.hub.metrics.delivered[v].Add(uint64(n))
		}
	}
	if w.ring > 0 {
		w.stream.hub.metrics.ring.Add(float64(w.ring))
	}
	if w.skipped > 0 {
		w.stream.hub.metrics.conflated.Add(float64(w.skipped))
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
