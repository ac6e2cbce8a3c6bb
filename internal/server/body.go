package server

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
)

// limitBody bounds every request body in size. One that says in its head that it is
// too large is refused before a byte of it is read, so that a client that asked first
// (Expect: 100-continue) never sends it.
func limitBody(limit int64) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if p := limitRequest(c.Request(), limit); p != nil {
				return p
			}
			return next(c)
		}
	}
}

// limitOperation refuses what an operation's own limit refuses, as limitBody does
// with the listener's, and in the same words.
func limitOperation(ctx huma.Context, next func(huma.Context)) {
	c := humaecho.Unwrap(ctx)
	// Huma takes a body that is as large as the limit for one that is larger.
	if limit := ctx.Operation().MaxBodyBytes - 1; limit >= 0 {
		if p := limitRequest(c.Request(), limit); p != nil {
			_ = p.Write(c.Response(), c.Request()) // an error: nobody is there to tell
			return
		}
	}
	next(ctx)
}

// limitRequest refuses a body by the Content-Length, or, if it does not say how long it
// is, once too much has come.
func limitRequest(r *http.Request, limit int64) *Problem {
	switch {
	case r.ContentLength > limit:
		return tooLarge(limit)
	case r.ContentLength < 0: // else nobody reads more than it says
		r.Body = http.MaxBytesReader(nil, r.Body, limit)
	}
	return nil
}

func tooLarge(limit int64) *Problem {
	return NewProblem(http.StatusRequestEntityTooLarge, "the request body is too large").With("limit", limit)
}
