package server

import (
	"context"
	"crypto/rand"

	"github.com/labstack/echo/v4"
)

// RequestIDHeader carries the id of a request, in both directions. On the wire
// it is X-Request-Id, as net/http spells it.
const RequestIDHeader = "X-Request-ID"

// maxRequestID is the longest id that is taken over from a request.
const maxRequestID = 64

type requestIDKey struct{}

// RequestID is the id of the request that ctx belongs to; empty outside of one.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// requestID gives every request an id. One that the client or a proxy sent is
// kept if it can do no harm in a log line; any other is replaced, not refused:
// the id serves the reader of logs, and no request should fail for it.
func requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		id := r.Header.Get(RequestIDHeader)
		if !plainID(id) {
			id = rand.Text()
		}
		c.Response().Header().Set(RequestIDHeader, id)
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id)))
		return next(c)
	}
}

func plainID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}
