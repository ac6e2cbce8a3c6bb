package fanout

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Bounds of what is read. Redis itself sends nothing that would break them but
// messages, which anybody may publish who is let in.
const (
	maxLine = 4 << 10   // of a reply that is no bulk string
	maxSize = 512 << 20 // bytes or parts that a reply announces
)

// errReply is what every refusal of bytes from Redis wraps.
var errReply = errors.New("unreadable reply of Redis")

// pushKind is what a push of a subscribed connection tells.
type pushKind uint8

const (
	pushOther pushKind = iota // an answer to PING, or what is of no interest here
	pushMessage
	pushSubscribed
	pushUnsubscribed
	pushMoved // an error: a slot that was named belongs to another node of the Cluster
)

// Of sharded Pub/Sub the names differ, and nothing else.
var pushKinds = map[string]pushKind{
	"message": pushMessage, "subscribe": pushSubscribed, "unsubscribe": pushUnsubscribed,
	"smessage": pushMessage, "ssubscribe": pushSubscribed, "sunsubscribe": pushUnsubscribed,
}

// refusal is an error reply.
type refusal string

func (r refusal) Error() string { return "answer of Redis: " + string(r) }

// movedSlot is the slot of "MOVED 3999 host:port".
func (r refusal) movedSlot() (slot int, ok bool) {
	rest, ok := strings.CutPrefix(string(r), "MOVED ")
	number, _, _ := strings.Cut(rest, " ")
	slot, err := strconv.Atoi(number)
	return slot, ok && err == nil && slot >= 0 && slot < slotCount
}

// push is what arrives on a subscribed connection.
type push struct {
	kind pushKind
	// name is the channel's. It is good until the next one is read.
	name []byte
	// payload is the message's, and the receiver's to keep. Nil: it was longer
	// than the reader takes, and is gone.
	payload []byte
	slot    int // of pushMoved
}

// pushReader reads the pushes of a subscribed connection, in RESP2 or RESP3
// (https://redis.io/docs/latest/develop/reference/protocol-spec). go-redis does so
// too, with nine allocations for a message: it boxes every part of it. Subscribing
// and pinging are answered by strings, numbers and one list of these; nothing else
// is read.
type pushReader struct {
	in   *bufio.Reader
	most int // bytes of a payload
	name []byte
}

// newPushReader reads from a connection. A read that takes longer than silence
// fails with os.ErrDeadlineExceeded.
func newPushReader(nc net.Conn, silence time.Duration, most int) *pushReader {
	return &pushReader{in: bufio.NewReaderSize(&timedConn{nc, silence}, 32<<10), most: most}
}

// timedConn bounds the time of every read.
type timedConn struct {
	net.Conn
	silence time.Duration
}

func (c *timedConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

// next returns the next push. An error reply of the server is an error, but for the
// one that a command for a sharded channel may have: there is no other of which one is
// expected.
func (r *pushReader) next() (p push, err error) {
	sign, n, err := r.head()
	switch {
	case err != nil:
		if no, ok := errors.AsType[refusal](err); ok {
			if slot, ok := no.movedSlot(); ok {
				return push{kind: pushMoved, slot: slot}, nil
			}
		}
		return p, err
	case sign == '$' && n >= 0:
		return p, r.discard(n)
	case sign != '*' || n < 1:
		return p, nil
	}
	if r.name, err = r.bulk(r.name[:0], maxLine); err != nil {
		return p, err
	}
	kind := pushKinds[string(r.name)]
	if kind == pushOther || n != 3 {
		return p, r.skip(n - 1)
	}
	if r.name, err = r.bulk(r.name[:0], maxLine); err != nil {
		return p, err
	}
	p.kind, p.name = kind, r.name
	if kind != pushMessage {
		return p, r.skip(1) // how many subscriptions there are now
	}
	p.payload, err = r.bulk(nil, r.most)
	return p, err
}

// skip passes over n parts of a push.
func (r *pushReader) skip(n int) error {
	for range n {
		if _, err := r.bulk(nil, 0); err != nil {
			return err
		}
	}
	return nil
}

// bulk reads a bulk string into dst's room, or into a slice of its own if dst is
// nil. One of more than most bytes, and a part of another kind, is passed over, and
// nil.
func (r *pushReader) bulk(dst []byte, most int) ([]byte, error) {
	sign, n, err := r.head()
	switch {
	case err != nil:
		return nil, err
	case sign == '*':
		return nil, fmt.Errorf("%w: a list within a list", errReply)
	case sign != '$' || n < 0:
		return nil, nil
	case n > most:
		return nil, r.discard(n)
	}
	if cap(dst) < n {
		dst = make([]byte, n)
	}
	dst = dst[:n]
	if _, err := io.ReadFull(r.in, dst); err != nil {
		return nil, err
	}
	return dst, r.discard(0)
}

// head reads the line that every reply begins with. A string ('$') or list ('*')
// has size bytes or parts behind it, -1 if it is null; other replies have nothing.
// An error reply is an error.
func (r *pushReader) head() (sign byte, size int, err error) {
	line, err := r.in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull), err == nil && len(line) > maxLine:
		return 0, 0, fmt.Errorf("%w: a line of more than %d bytes", errReply, maxLine)
	case err != nil:
		return 0, 0, err
	case len(line) < 3 || line[len(line)-2] != '\r':
		return 0, 0, fmt.Errorf("%w: a line does not end as it should", errReply)
	}
	sign, text := line[0], line[1:len(line)-2]
	switch sign {
	case '+', ':', '_':
		return sign, 0, nil
	case '-':
		return 0, 0, refusal(text)
	case '>': // RESP3 tells pushes from lists by it
		sign = '*'
	case '$', '*':
	default:
		return 0, 0, fmt.Errorf("%w: begins with %q", errReply, sign)
	}
	size, err = strconv.Atoi(string(text))
	if err != nil || size < -1 || size > maxSize {
		return 0, 0, fmt.Errorf("%w: length %.20q", errReply, text)
	}
	return sign, size, nil
}

// discard passes over n bytes and the line end behind them.
func (r *pushReader) discard(n int) error {
	if _, err := r.in.Discard(n); err != nil {
		return err
	}
	end, err := r.in.Peek(len(lineEnd))
	if err != nil {
		return err
	}
	if string(end) != lineEnd {
		return fmt.Errorf("%w: a string does not end where it should", errReply)
	}
	_, err = r.in.Discard(len(lineEnd))
	return err
}

const lineEnd = "\r\n"

// appendCommand renders a command for Redis.
func appendCommand(dst []byte, parts ...string) []byte {
	dst = fmt.Appendf(dst, "*%d\r\n", len(parts))
	for _, p := range parts {
		dst = fmt.Appendf(dst, "$%d\r\n%s\r\n", len(p), p)
	}
	return dst
}
