package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// safeHeaders sets what every response carries unless its handler knows better:
// answers belong to one person and one moment, are data and not a page, and a
// link followed from them tells nobody where it came from.
func safeHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		return next(c)
	}
}

// accessLog writes one line when a request was answered. That of a stream comes
// when its handler is done with it: at once where the handler took the connection
// over, and else at the stream's end. The query is left out: it can hold a token.
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
		s.metrics.observe(r.Method, route, w.Status, took)

		ctx := r.Context()
		cause, _ := c.Get(causeKey).(error)
		level := lineLevel(route, w.Status, cause, ctx.Err() != nil)
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
func lineLevel(route string, status int, cause error, left bool) slog.Level {
	switch {
	case cause == nil && (route == livePath || route == readyPath):
		return slog.LevelDebug // asked every few seconds, for ever
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
func (s *Server) recoverPanic(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if e, ok := v.(error); ok && errors.Is(e, http.ErrAbortHandler) {
				panic(v)
			}
			s.log.ErrorContext(c.Request().Context(), "panic", "value", fmt.Sprint(v),
				"stack", string(debug.Stack()), "request_id", RequestID(c.Request().Context()))
			if c.Response().Committed {
				panic(http.ErrAbortHandler)
			}
			err = NewProblem(http.StatusInternalServerError, "")
		}()
		return next(c)
	}
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
