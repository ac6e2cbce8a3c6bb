package fanout

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// Bounds of what is read. Redis itself sends nothing that would break them but
// messages, which anybody may publish who is let in.
const (
	maxLine  = 4 << 10 // of a reply that is no bulk string
	maxDepth = 8       // of replies within replies
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
)

// push is what arrives on a subscribed connection.
type push struct {
	kind pushKind
	// name is the channel's. It is good until the next one is read.
	name []byte
	// payload is the message's, and the receiver's to keep. Nil: it was longer
	// than the reader takes, and is gone.
	payload []byte
}

// pushReader reads the pushes of a subscribed connection, in RESP2 or RESP3
// (https://redis.io/docs/latest/develop/reference/protocol-spec). go-redis does so
// too, with nine allocations for a message: it boxes every part of it.
type pushReader struct {
	in   *bufio.Reader
	most int // bytes of a payload
	name []byte
}

// newPushReader reads from a connection. A read that takes longer than silence
// fails with os.ErrDeadlineExceeded.
func newPushReader(nc net.Conn, silence time.Duration, most int) *pushReader {
	return &pushReader{in: bufio.NewReaderSize(&impatient{nc, silence}, 32<<10), most: most}
}

// impatient bounds the time of every read.
type impatient struct {
	net.Conn
	silence time.Duration
}

func (c *impatient) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

// next returns the next push. An error reply of the server is an error: there is
// no command of which one is expected.
func (r *pushReader) next() (push, error) {
	sign, rest, err := r.line()
	if err != nil {
		return push{}, err
	}
	if sign != '*' && sign != '>' {
		return push{}, r.finish(sign, rest, maxDepth)
	}
	n, err := length(rest)
	if err != nil || n < 1 {
		return push{}, err
	}
	kind, err := r.kind()
	switch {
	case err != nil:
		return push{}, err
	case kind == pushOther || n != 3:
		return push{}, r.skip(n-1, maxDepth)
	}
	p := push{kind: kind}
	if p.name, err = r.bulk(r.name[:0], maxLine); err != nil {
		return push{}, err
	}
	r.name = p.name
	if kind != pushMessage {
		return p, r.skip(1, maxDepth) // how many subscriptions there are now
	}
	p.payload, err = r.bulk(nil, r.most)
	return p, err
}

// kind reads the first part of a push, which is its name.
func (r *pushReader) kind() (pushKind, error) {
	name, err := r.bulk(r.name[:0], maxLine)
	if err != nil {
		return pushOther, err
	}
	r.name = name
	switch string(name) {
	case "message":
		return pushMessage, nil
	case "subscribe":
		return pushSubscribed, nil
	case "unsubscribe":
		return pushUnsubscribed, nil
	}
	return pushOther, nil
}

// bulk reads a bulk string into dst's room, or into a slice of its own if dst is
// nil. One of more than most bytes is passed over, and nil.
func (r *pushReader) bulk(dst []byte, most int) ([]byte, error) {
	sign, rest, err := r.line()
	if err != nil {
		return nil, err
	}
	if sign != '$' {
		return nil, r.finish(sign, rest, maxDepth)
	}
	n, err := length(rest)
	if err != nil || n < 0 {
		return nil, err
	}
	if n > most {
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

// line reads the line that every reply begins with. It is good until the next read.
func (r *pushReader) line() (sign byte, rest []byte, err error) {
	line, err := r.in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull), err == nil && len(line) > maxLine:
		return 0, nil, fmt.Errorf("%w: a line of more than %d bytes", errReply, maxLine)
	case err != nil:
		return 0, nil, err
	case len(line) < 3 || line[len(line)-2] != '\r':
		return 0, nil, fmt.Errorf("%w: a line does not end as it should", errReply)
	}
	return line[0], line[1 : len(line)-2], nil
}

// skip passes over n replies.
func (r *pushReader) skip(n, depth int) error {
	for range n {
		sign, rest, err := r.line()
		if err == nil {
			err = r.finish(sign, rest, depth)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// finish passes over the rest of a reply that begins with this line.
func (r *pushReader) finish(sign byte, rest []byte, depth int) error {
	if depth == 0 {
		return fmt.Errorf("%w: nested too deep", errReply)
	}
	switch sign {
	case '+', ':', '_', '#', ',', '(': // the line is all of it
		return nil
	case '-', '!':
		return fmt.Errorf("answer of Redis: %s", rest)
	case '$', '=', '*', '>', '~', '%', '|':
	default:
		return fmt.Errorf("%w: begins with %q", errReply, sign)
	}
	n, err := length(rest)
	if err != nil || n < 0 {
		return err
	}
	switch sign {
	case '$', '=':
		return r.discard(n)
	case '%':
		n *= 2
	case '|': // attributes stand before the reply that they belong to
		n = 2*n + 1
	}
	return r.skip(n, depth-1)
}

// length reads the number of bytes or parts of a reply; -1: it is null.
func length(b []byte) (int, error) {
	n, err := strconv.Atoi(string(b))
	if err != nil || n < -1 || n > 512<<20 {
		return 0, fmt.Errorf("%w: length %.20q", errReply, b)
	}
	return n, nil
}

// appendCommand renders a command for Redis.
func appendCommand(dst []byte, parts ...string) []byte {
	dst = append(dst, '*')
	dst = strconv.AppendInt(dst, int64(len(parts)), 10)
	dst = append(dst, "\r\n"...)
	for _, p := range parts {
		dst = append(dst, '$')
		dst = strconv.AppendInt(dst, int64(len(p)), 10)
		dst = append(dst, "\r\n"...)
		dst = append(dst, p...)
		dst = append(dst, "\r\n"...)
	}
	return dst
}
