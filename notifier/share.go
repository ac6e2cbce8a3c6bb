package notifier

import (
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"github.com/bellhop/bellhop/internal/server"
)

// shareOfFree is how many times as much as it leaves free a service may hold of what
// all share. One that is alone gets seven eighths, two that want all get seven
// fifteenths each, and there is always some room for another one; nobody needs to know
// how many there are (Choudhury and Hahne, "Dynamic queue length thresholds").
const shareOfFree = 7

// withinShare tells whether a service that holds own of the limit, of which all hold
// together, may have more.
func withinShare[N int | int64](own, all, more, limit N) bool {
	return own+more <= shareOfFree*(limit-all-more)
}

// bodies bounds how much of requests that are under way is in memory, and how much of
// that is one service's. What has come of a body counts, not what is announced: one
// that does not go on takes nothing away from others.
type bodies struct {
	limit int64

	mu  sync.Mutex
	all int64
	own map[string]int64 // by service: those that have a key, so never many
}

func newBodies() *bodies { return &bodies{limit: maxUnderWay, own: make(map[string]int64)} }

// take adds bytes to what a service holds, unless that is too much.
func (b *bodies) take(service string, bytes int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !withinShare(b.own[service], b.all, bytes, b.limit) {
		return false
	}
	b.own[service] += bytes
	b.all += bytes
	return true
}

func (b *bodies) give(service string, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.own[service] -= bytes
	b.all -= bytes
}

// bound is a middleware: it counts a request and its body as they come, until the
// answer. A body that says in its head that it is too large for now is not read.
func (b *bodies) bound(ctx huma.Context, next func(huma.Context)) {
	r := humaecho.Unwrap(ctx).Request()
	body := &countedBody{ReadCloser: r.Body, bodies: b, service: serviceOf(ctx.Context()).Name}
	defer body.giveBack()
	if announced := max(r.ContentLength, 0); !body.take(requestCost + announced) {
		refuse(ctx, underWay())
		return
	}
	body.put(max(r.ContentLength, 0)) // announced, and not here yet
	r.Body = body
	next(ctx)
}

// countedBody is a request's body. Only the goroutine of its request uses it.
type countedBody struct {
	io.ReadCloser
	bodies  *bodies
	service string
	held    int64
}

func (c *countedBody) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if !c.take(int64(n)) {
		return 0, underWay()
	}
	return n, err
}

func (c *countedBody) take(bytes int64) bool {
	if !c.bodies.take(c.service, bytes) {
		return false
	}
	c.held += bytes
	return true
}

func (c *countedBody) put(bytes int64) {
	c.bodies.give(c.service, bytes)
	c.held -= bytes
}

func (c *countedBody) giveBack() { c.put(c.held) }

func underWay() *server.Problem {
	return server.NewProblem(http.StatusServiceUnavailable, "this service has too many requests under way").
		RetryAfter(retryAfter).With("written", false)
}

// rateBurst is for how long a service may save up what it did not use.
const rateBurst = 5 * time.Second

// pace is a middleware: it lets requests pass that are within their service's
// rate, before anything of their bodies is read.
func (n *Notifier) pace(ctx huma.Context, next func(huma.Context)) {
	if !n.rates.Allow(serviceOf(ctx.Context()).Name) {
		refuse(ctx, server.NewProblem(http.StatusTooManyRequests, "this service sends requests faster than it may").
			With("written", false).RetryAfter(time.Second))
		return
	}
	next(ctx)
}
