package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
)

// errBrokenBody marks what went wrong while a request body was read.
var errBrokenBody = errors.New("the request body broke off")

// limitBody bounds every request body in size and in time. One that says in
// its head that it is too large is refused before a byte of it is read, so that
// a client that asked first (Expect: 100-continue) never sends it.
//
// http.Server.ReadTimeout would count the head's time too, and does not hold for
// huma, which sets a deadline of its own before it reads. The deadline ends with the
// body: net/http lifts it with the last byte, before it begins to listen for clients
// that leave. Where that byte never comes it stays, so that the server does not wait
// for the rest of a body nobody reads.
func limitBody(limit int64, timeout time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if r := c.Request(); r.Body != nil && r.Body != http.NoBody {
				if r.ContentLength > limit {
					return tooLarge(limit)
				}
				deadline := http.NewResponseController(c.Response().Writer).SetReadDeadline
				limited := r.Body
				if r.ContentLength < 0 { // else nobody reads more than it says
					limited = http.MaxBytesReader(nil, r.Body, limit)
				}
				r.Body = &body{ReadCloser: limited, deadline: deadline, timeout: timeout}
			}
			return next(c)
		}
	}
}

type body struct {
	io.ReadCloser
	deadline func(time.Time) error
	timeout  time.Duration
	begun    bool
}

func (b *body) Read(p []byte) (int, error) {
	if !b.begun {
		// Now, not when the request came: huma sets one of its own before it reads. A
		// writer that has no deadlines (a test's recorder) has no slow client.
		b.begun = true
		_ = b.deadline(time.Now().Add(b.timeout))
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %w", errBrokenBody, err)
	}
	return n, err
}

// limitOperation refuses what an operation's own limit refuses, as limitBody does
// with the listener's, and in the same words: by the Content-Length, or, of a body
// that does not say how long it is, once too much has come.
func limitOperation(ctx huma.Context, next func(huma.Context)) {
	c := humaecho.Unwrap(ctx)
	// Huma takes a body that is as large as the limit for one that is larger.
	if limit, r := ctx.Operation().MaxBodyBytes-1, c.Request(); limit >= 0 {
		if r.ContentLength > limit {
			_ = tooLarge(limit).Write(c.Response(), r) // an error: nobody is there to tell
			return
		}
		if r.ContentLength < 0 { // else nobody reads more than it says
			r.Body = http.MaxBytesReader(nil, r.Body, limit)
		}
	}
	next(ctx)
}

func tooLarge(limit int64) *Problem {
	return NewProblem(http.StatusRequestEntityTooLarge, "the request body is too large").With("limit", limit)
}
