package gateway

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/gateway/limit"
	"github.com/bellhop/bellhop/internal/server"
)

// Who is over a limit comes back after refusedLeast to refusedLeast +
// refusedSpan: long, since nothing that the client does by itself changes it,
// and at a moment of its own.
const (
	refusedLeast = 30 * time.Second
	refusedSpan  = time.Minute
)

// refuse answers who is over a limit of their own. It is a stream that says so
// and ends properly: on any status but 200 a browser's EventSource would give up
// for good, and this passes. There is no id, so that the client keeps its cursor.
func (g *Gateway) refuse(c echo.Context, why limit.Reason) error {
	g.metrics.refused.WithLabelValues(string(why)).Inc()
	streamHead(c.Response().Header())
	retry := refusedLeast + rand.N(refusedSpan)
	_, err := fmt.Fprintf(c.Response(), "event: bellhop.refused\ndata: {\"reason\":%q}\nretry: %d\n\n", why, retry.Milliseconds())
	return err
}

// allow counts a request that opens no stream, and refuses one too many.
func (g *Gateway) allow(r *http.Request) error {
	if g.cfg.Limits.Allow(g.cfg.Proxies.Client(r)) {
		return nil
	}
	return server.NewProblem(http.StatusTooManyRequests, "this address sends requests faster than it may").
		RetryAfter(busyLeast + rand.N(busySpan))
}

// limited gives a stream's places back when it is over.
type limited struct {
	conn.Source
	release func()
}

// Close implements conn.Source.
func (l limited) Close(reason conn.Reason) {
	l.Source.Close(reason)
	l.release()
}
