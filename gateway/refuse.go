package gateway

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/gateway/hub"
	"github.com/bellhop/bellhop/gateway/limit"
	"github.com/bellhop/bellhop/internal/server"
)

// failoverHeader is sent by a proxy that can go elsewhere: it asks the next gateway
// if it gets a 503.
const failoverHeader = "X-Bellhop-Failover"

// refuse answers who is over a limit of their own.
func (g *Gateway) refuse(c echo.Context, why limit.Reason) error {
	g.metrics.refused.WithLabelValues(string(why)).Inc()
	return sayRefused(c, string(why), hub.RefusedLeast+rand.N(hub.RefusedSpan))
}

// turnAway answers who can't have a stream, by the error that judge gave or one like
// it. What passes by itself is told in a stream.
func (g *Gateway) turnAway(c echo.Context, why refusal, err error) error {
	g.metrics.refused.WithLabelValues(string(why)).Inc()
	if !passes(err) || c.Request().Header.Get(failoverHeader) == "503" {
		return err
	}
	return sayRefused(c, string(why), busyLeast+rand.N(busySpan))
}

// passes tells whether an error of a request for a stream passes by itself.
func passes(err error) bool {
	p, ok := errors.AsType[*server.Problem](err)
	return ok && p.Status == http.StatusServiceUnavailable
}

// sayRefused is a stream that says so and ends properly: on any status but 200 a
// browser's EventSource would give up for good, and this passes. There is no id, so
// that the client keeps its cursor. Scripts can't see the retry line of a block.
func sayRefused(c echo.Context, why string, retry time.Duration) error {
	streamHead(c.Response().Header())
	_, err := fmt.Fprintf(c.Response(), "event: bellhop.refused\ndata: {\"reason\":%q,\"retry\":%d}\nretry: %[2]d\n\n", why, retry.Milliseconds())
	return err
}

// allow counts a request that opens no stream, and refuses one too many. It comes
// before the token is looked at.
func (g *Gateway) allow(r *http.Request) error {
	if g.cfg.Limits.Allow(g.address(r)) {
		return nil
	}
	return server.NewProblem(http.StatusTooManyRequests, "this address sends requests faster than it may").
		RetryAfter(busyLeast + rand.N(busySpan))
}

// address is where a request came from, as far as that is known. It says once in
// the log what makes it unknown for everybody.
func (g *Gateway) address(r *http.Request) netip.Addr {
	if g.cfg.Proxies.Doubtful(r) {
		g.doubt.Do(func() {
			g.log.Warn("requests come through an unknown proxy: cookies are not Secure, and addresses are not limited; set --trusted-proxies",
				"peer", r.RemoteAddr)
		})
	}
	return g.cfg.Proxies.Client(r)
}

// limited gives a stream's places back when it is over.
type limited struct {
	*hub.Stream
	gateway *Gateway
	from    netip.Addr
}

// Close implements conn.Source.
func (l *limited) Close(reason conn.Reason) {
	l.Stream.Close(reason)
	l.gateway.left(l.User(), l.from)
	l.gateway.churn.moved()
}
