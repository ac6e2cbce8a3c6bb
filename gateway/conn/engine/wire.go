package engine

import (
	"slices"
	"strconv"
)

var (
	crlf = []byte("\r\n")
	// lastChunk ends a chunked body (RFC 9112, section 7.1).
	lastChunk = []byte("0\r\n\r\n")
)

// chunkHead is the longest head of a chunk: the size of an int in hexadecimal
// digits, CR, LF.
const chunkHead = 16 + 2

// wire is what one call of Next said, as the socket is to take it: one chunk,
// and the last one if the source asked for the end. It is rendered when it is
// written and not kept, so a client that lags holds slices of what all share,
// and no copies.
type wire struct {
	head []byte // of the response, which comes before its first chunk
	bufs [][]byte
	size int  // of the bufs together; nothing is no chunk, since an empty one would end the body
	last bool // the body ends
	sent int  // bytes of the rendering that the socket took
	held int  // bytes of it that the metric of the backlog was told of
}

// left is about how much the socket has not taken: the few bytes around the
// chunk are not looked at.
func (w *wire) left() int { return max(len(w.head)+w.size-w.sent, 0) }

// fill renders from the first byte that was not sent, as much as dst has room
// for, and returns how much that is.
func (w *wire) fill(dst []byte) int {
	g := gatherer{dst: dst, skip: w.sent}
	g.add(w.head)
	if w.size > 0 {
		var head [chunkHead]byte
		g.add(append(strconv.AppendUint(head[:0], uint64(w.size), 16), "\r\n"...))
		for _, b := range w.bufs {
			g.add(b)
		}
		g.add(crlf)
	}
	if w.last {
		g.add(lastChunk)
	}
	return g.n
}

// keep makes the wire independent of the array that its bufs came in.
func (w *wire) keep() { w.bufs = slices.Clone(w.bufs) }

// gatherer copies pieces one after the other, leaving out the first skip bytes
// and what dst has no room for.
type gatherer struct {
	dst  []byte
	n    int
	skip int
}

func (g *gatherer) add(b []byte) {
	if g.skip >= len(b) {
		g.skip -= len(b)
		return
	}
	g.n += copy(g.dst[g.n:], b[g.skip:])
	g.skip = 0
}
