package server

import (
	"errors"
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

// discardUnread makes sure that an answer that came before its request's body was read
// reaches the client.
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
func discardUnread(idle, total time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r, w := c.Request(), c.Response()
			if r.ProtoMajor != 1 || r.Body == nil || r.Body == http.NoBody {
				return next(c)
			}
			rest := &unread{Reader: r.Body, declared: r.ContentLength, unwanted: r.Method == http.MethodGet || r.Method == http.MethodHead}
			total := total
			if rest.unwanted {
				total = idle
			}
			// A copy: net/http looks at the body of its own request.
			r = r.WithContext(r.Context())
			r.Body = rest
			c.SetRequest(r)
			early := false
			conn := http.NewResponseController(w.Writer)
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
				rest.discard(conn, idle, total)
			}
			return err
		}
	}
}

// unread is a request's body that knows how much of it is still to come. Only
// the goroutine of its request may use it.
type unread struct {
	io.Reader
	declared int64 // the Content-Length; below zero where it is unknown
	unwanted bool  // whatever comes of it
	taken    int64
	ended    bool
	broken   bool
}

func (u *unread) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	u.taken += int64(n)
	u.ended = u.ended || errors.Is(err, io.EOF)
	u.broken = u.broken || err != nil && !u.ended
	return n, err
}

// Close leaves the body open, since discard may want to read on; net/http closes
// it when the handler has returned.
func (u *unread) Close() error { return nil }

// worthReading tells whether so much may be still to come that net/http would
// close the connection over it.
func (u *unread) worthReading() bool {
	return !u.ended && (u.unwanted || u.broken || u.declared < 0 || u.declared-u.taken >= smallRest)
}

// discard sends what was answered and reads the rest of the body.
func (u *unread) discard(conn *http.ResponseController, idle, total time.Duration) {
	if conn.Flush() != nil {
		return // the client is gone
	}
	end := time.Now().Add(total)
	// However it ends, the connection is closed next.
	_, _ = io.Copy(io.Discard, io.LimitReader(readerFunc(func(p []byte) (int, error) {
		deadline := time.Now().Add(idle)
		if deadline.After(end) {
			deadline = end
		}
		if err := conn.SetReadDeadline(deadline); err != nil {
			return 0, err
		}
		return u.Reader.Read(p)
	}), unreadBytes))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
