package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	// unreadBytes is how much of a refused body is read and thrown away: twice the
	// largest that any route takes.
	unreadBytes = 32 << 20
	// smallRest is how much of an unread body net/http takes by itself before it
	// answers, so that the connection can be used again.
	smallRest = 256 << 10
)

// errBrokenBody marks what went wrong while a request body was read.
var errBrokenBody = errors.New("the request body broke off")

// boundBodies bounds every request body in time, and makes sure that an answer that came
// before its request's body was read reaches the client.
//
// Closing a socket with bytes of the client in it resets the connection, and the
// reset overtakes the answer: a publisher whose event is too large would see a
// broken pipe and repeat it for ever instead of a 413. net/http waits for half a
// second without reading, which helps only a client that has sent all by then.
// So the answer goes out at once, says that the connection ends with it, and
// what still comes is read and dropped until the client is done: at most
// unreadBytes, with at most idle between two pieces, and for no longer than a
// body that is taken may last. This is the close of RFC 9112, section 9.6.
//
// The same holds for every body of a GET or HEAD, since nobody reads those: net/http
// would hold the answer, which may be a stream, until the body is there. A small rest
// of another request is waited for before the answer, for no longer than idle.
//
// HTTP/2 refuses the rest of a body by a frame of its own.
//
// http.Server.ReadTimeout would count the head's time too, and does not hold for
// huma, which sets a deadline of its own before it reads. The deadline ends with the
// body: net/http lifts it with the last byte, before it begins to listen for clients
// that leave. Where that byte never comes it stays, so that the server does not wait
// for the rest of a body nobody reads.
func boundBodies(idle, total time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r, w := c.Request(), c.Response()
			if r.Body == nil || r.Body == http.NoBody {
				return next(c)
			}
			conn := http.NewResponseController(w.Writer)
			rest := &body{
				Reader: r.Body, conn: conn, timeout: total,
				declared: r.ContentLength, unwanted: r.Method == http.MethodGet || r.Method == http.MethodHead,
			}
			// A copy: net/http looks at the body of its own request.
			r = r.WithContext(r.Context())
			r.Body = rest
			c.SetRequest(r)
			if r.ProtoMajor != 1 {
				return next(c)
			}
			total := total
			if rest.unwanted {
				total = idle
			}
			early := false
			w.Before(func() {
				if early = rest.worthReading(); early {
					w.Header().Set("Connection", "close")
				} else if !rest.ended {
					// An error means a writer without deadlines, which has no slow client.
					_ = conn.SetReadDeadline(time.Now().Add(idle))
				}
			})
			err := next(c)
			if early {
				rest.discard(idle, total)
			}
			return err
		}
	}
}

// body is a request's body that has to come within a time, and knows how much of it
// is still to come. Only the goroutine of its request may use it.
type body struct {
	io.Reader
	conn     *http.ResponseController
	timeout  time.Duration
	begun    bool
	declared int64 // the Content-Length; below zero where it is unknown
	unwanted bool  // whatever comes of it
	taken    int64
	ended    bool
	broken   bool
}

func (b *body) Read(p []byte) (int, error) {
	if !b.begun {
		// Now, not when the request came: huma sets one of its own before it reads. A
		// writer that has no deadlines (a test's recorder) has no slow client.
		b.begun = true
		_ = b.conn.SetReadDeadline(time.Now().Add(b.timeout))
	}
	n, err := b.Reader.Read(p)
	b.taken += int64(n)
	b.ended = b.ended || errors.Is(err, io.EOF)
	if err != nil && !b.ended {
		b.broken = true
		err = fmt.Errorf("%w: %w", errBrokenBody, err)
	}
	return n, err
}

// Close leaves the body open, since discard may want to read on; net/http closes
// it when the handler has returned.
func (b *body) Close() error { return nil }

// worthReading tells whether so much may be still to come that net/http would
// close the connection over it.
func (b *body) worthReading() bool {
	return !b.ended && (b.unwanted || b.broken || b.declared < 0 || b.declared-b.taken >= smallRest)
}

// discard sends what was answered and reads the rest of the body.
func (b *body) discard(idle, total time.Duration) {
	if b.conn.Flush() != nil {
		return // the client is gone
	}
	end := time.Now().Add(total)
	// However it ends, the connection is closed next.
	_, _ = io.Copy(io.Discard, io.LimitReader(readerFunc(func(p []byte) (int, error) {
		deadline := time.Now().Add(idle)
		if deadline.After(end) {
			deadline = end
		}
		if err := b.conn.SetReadDeadline(deadline); err != nil {
			return 0, err
		}
		return b.Reader.Read(p)
	}), unreadBytes))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
