package server

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/prometheus/client_golang/prometheus"
)

// safeHeaders sets what every response carries unless its handler knows better:
// answers belong to one person and one moment, are data and not a page, and a
// link followed from them tells nobody where it came from.
func safeHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		for i := range safe {
			h[safe[i].name] = safe[i].value[:1:1] // whoever adds one gets a list of their own
		}
		return next(c)
	}
}

// safe are the headers of safeHeaders, made once for all responses.
var safe = []struct {
	name  string
	value []string
}{
	{"Cache-Control", []string{"no-store"}},
	{"Content-Security-Policy", []string{"default-src 'none'; frame-ancestors 'none'"}},
	{"Referrer-Policy", []string{"no-referrer"}},
	{"X-Content-Type-Options", []string{"nosniff"}},
}

// accessLog writes one line when a request was answered, at the level debug if it
// succeeded: its line would cost as much as the request's parsing, and the metrics
// count it. That of a stream comes when its handler is done with it: at once where
// the handler took the connection over, and else at the stream's end. The query is
// left out: it can hold a token.
func (s *Server) accessLog(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := time.Now()
		if err := next(c); err != nil {
			c.Error(err) // answers now, so that the line has the status
		}
		r, w := c.Request(), c.Response()
		route := c.Path()
		if route == "" {
			route = "none"
		}
		took := time.Since(began)
		s.observe(r.Method, route, w.Status, took)

		ctx := r.Context()
		cause, _ := c.Get(causeKey).(error)
		level := lineLevel(w.Status, cause, ctx.Err() != nil)
		if !s.log.Enabled(ctx, level) {
			return nil
		}
		attrs := []slog.Attr{
			slog.String("method", r.Method),
			slog.String("path", r.URL.Path),
			slog.Int("status", w.Status),
			slog.Int64("bytes", w.Size),
			slog.Duration("took", took),
			slog.String("remote", r.RemoteAddr),
			slog.String("request_id", RequestID(ctx)),
		}
		if cause != nil {
			attrs = append(attrs, slog.String("error", cause.Error()))
		}
		s.log.LogAttrs(ctx, level, "request", attrs...)
		return nil
	}
}

// lineLevel is the level of a request's line in the access log.
func lineLevel(status int, cause error, left bool) slog.Level {
	switch {
	case cause == nil && status < http.StatusBadRequest:
		return slog.LevelDebug
	case cause == nil, left && errors.Is(cause, context.Canceled): // what failed is that the client left
		return slog.LevelInfo
	case status == http.StatusInternalServerError:
		return slog.LevelError
	default:
		return slog.LevelWarn
	}
}

// recoverPanic turns a panic into a 500 and a log line with the stack. Once a
// response has begun, the connection is cut instead: a proper end would make a
// torn answer look whole.
func (s *Server) recoverPanic() echo.MiddlewareFunc {
	return middleware.RecoverWithConfig(middleware.RecoverConfig{
		StackSize: 64 << 10, DisableStackAll: true, DisableErrorHandler: true,
		LogErrorFunc: func(c echo.Context, err error, stack []byte) error {
			ctx := c.Request().Context()
			s.log.ErrorContext(ctx, "panic", "value", err.Error(), "stack", string(stack), "request_id", RequestID(ctx))
			if c.Response().Committed {
				panic(http.ErrAbortHandler)
			}
			return NewProblem(http.StatusInternalServerError, "")
		},
	})
}

// decodeParams undoes the percent encoding of path parameters: a channel's key
// may hold a slash, which must not split the path before it was routed. Echo
// routes by the encoded path where that differs from the plain one, and hands
// the parameters over as they stood there.
func decodeParams(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Request().URL.RawPath == "" {
			return next(c)
		}
		values := c.ParamValues()
		for i, v := range values {
			if !strings.Contains(v, "%") {
				continue
			}
			decoded, err := url.PathUnescape(v)
			if err != nil {
				return NewProblem(http.StatusBadRequest, "the path is not well encoded")
			}
			values[i] = decoded
		}
		return next(c)
	}
}

// RequestIDHeader carries the id of a request, in both directions. On the wire
// it is X-Request-Id, as net/http spells it.
const RequestIDHeader = "X-Request-ID"

// requestIDOnWire saves net/http the spelling of it, which takes memory.
const requestIDOnWire = "X-Request-Id"

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
		id := ""
		if given := r.Header[requestIDOnWire]; len(given) > 0 {
			id = given[0]
		}
		if id == "" || len(id) > maxRequestID || !only(id, "-_.") {
			id = rand.Text()
		}
		c.Response().Header()[requestIDOnWire] = []string{id}
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id)))
		return next(c)
	}
}

// only tells whether a text is made of letters and digits of ASCII, and of others.
func only(s, others string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune(others, r)
	})
}

// newMetrics registers the listener's metrics; with a nil registerer they are
// kept and shown to nobody. An error means that they are registered already.
func newMetrics(r prometheus.Registerer) (*prometheus.HistogramVec, error) {
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "bellhop_http_request_duration_seconds",
		Help:    "Time from a request's head until its handler was done. For a stream this is its beginning if it takes the connection over, and otherwise its end.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60, 600},
	}, []string{"method", "route", "code"})
	if r == nil {
		return duration, nil
	}
	return duration, r.Register(duration)
}

// observe counts a request under its route's pattern, never its path, and its
// method only if it is a usual one: clients must not be able to make up labels.
func (s *Server) observe(method, route string, code int, took time.Duration) {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
	default:
		method = "other"
	}
	s.duration.WithLabelValues(method, route, strconv.Itoa(code)).Observe(took.Seconds())
}
