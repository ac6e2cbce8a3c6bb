package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/gateway/hub"
	"github.com/bellhop/bellhop/gateway/limit"
	"github.com/bellhop/bellhop/gateway/poll"
	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/internal/wait"
)

const streamPath = "/v1/stream"

// SeenHeader is in the answer to HEAD: by which protocol the request came, whether
// over TLS and with Last-Event-ID, and how often heartbeats come.
const SeenHeader = "X-Bellhop-Seen"

// A client reconnects retryLeast to retryLeast + retrySpan after its stream
// broke, each after a time of its own: browsers wait for exactly as long as they
// were told.
const (
	retryLeast = time.Second
	retrySpan  = 2 * time.Second
)

// A long poll is followed by the next one after pollLeast to pollLeast + pollSpan, where
// the client follows retry.
const (
	pollLeast = 250 * time.Millisecond
	pollSpan  = 500 * time.Millisecond
)

// A client that is sent elsewhere tries again after busyLeast to busyLeast +
// busySpan.
const (
	busyLeast = time.Second
	busySpan  = 4 * time.Second
)

// greeting is the first thing on a stream: proxies that hold a response back
// until its first byte, and clients that wait for it, see that it is open.
var greeting = []byte(": hi\n\n")

// stream opens a stream and carries it to its end.
//
// A browser's EventSource gives up for good on any status but 200, so a refusal
// is for what will not pass by itself. All of them come from memory: the head
// goes out before anything else is asked.
func (g *Gateway) stream(c echo.Context) error {
	r := c.Request()
	from := g.address(r)
	why, ask, err := g.judge(r, from)
	switch {
	case why == refusal(limit.Rate):
		return g.refuse(c, limit.Rate)
	case err != nil:
		return g.turnAway(c, why, err)
	}
	if g.streams.Add(1) > int64(g.cfg.MaxStreams) && g.cfg.MaxStreams > 0 {
		g.streams.Add(-1)
		return g.turnAway(c, refusedCapacity, unavailable("this gateway carries as many streams as it can"))
	}
	who := ask.who
	user := who.user()
	if ask.req.Inbox {
		user = ask.req.Channels[0].Key() // the same, in memory that the stream keeps anyway
	}
	if over := g.cfg.Limits.Open(r.Context(), user, from); over != "" {
		g.streams.Add(-1)
		return g.refuse(c, over)
	}
	// Registered before the client hears anything: a drain that begins now ends
	// this stream too.
	source, err := g.open(&ask, user, from)
	if err != nil {
		g.left(user, from)
		if errors.Is(err, hub.ErrDraining) {
			return g.turnAway(c, refusedDraining, draining())
		}
		return err
	}
	// Once more, now that the stream is known: a revocation that came since the
	// token was looked at ended the streams that were known then.
	if r := g.cfg.Revocations; r != nil && who.claims != nil && r.Cover(who.user(), who.issued()) {
		source.Close(conn.ReasonExpired)
		return g.turnAway(c, refusedUnauthorized, g.badToken(auth.ErrTokenRevoked))
	}
	g.carry(c, g.tellEnd(r, source, &ask, from), ask)
	return nil
}

// open is the source of a stream, or of one response of it. Polls come and go all the
// time: that is no churn.
func (g *Gateway) open(ask *wanted, user string, from netip.Addr) (conn.Source, error) {
	if ask.wait == 0 {
		s, err := g.cfg.Hub.Open(ask.req)
		if err == nil {
			g.churn.moved()
			cursor := "no"
			if !ask.req.Cursor.IsZero() || ask.req.BadCursor {
				cursor = "yes"
			}
			g.metrics.opened.WithLabelValues(cursor).Inc()
		}
		return &limited{s, g, from}, err
	}
	key := poll.Key{User: ask.req.User, Issued: ask.req.Issued.Unix(), Form: ask.form, At: ask.req.CursorOf()}
	left := func() { g.left(user, from) }
	return g.polls.Open(key, ask.wait, left, func() (poll.Stream, error) { return g.cfg.Hub.Open(ask.req) })
}

// head answers HEAD, by which proxies and monitors look whether an address is
// good: what the stream's head would be, without a stream. It says in SeenHeader as what
// the request arrived, so that whoever looks from outside learns what the proxies in
// between made of it.
func (g *Gateway) head(c echo.Context) error {
	r := c.Request()
	why, _, err := g.judge(r, g.address(r))
	if err != nil {
		return g.turnAway(c, why, err)
	}
	h := c.Response().Header()
	streamHead(h)
	h.Set(SeenHeader, fmt.Sprintf("proto=%s; tls=%t; cursor=%t; heartbeat=%s",
		r.Proto, g.cfg.Proxies.Secure(r), r.Header.Get("Last-Event-ID") != "", g.cfg.Heartbeat))
	return c.NoContent(http.StatusOK)
}

// left is called once for every stream that was counted as open, and for each poll
// before its client can know that it ended: the next one may be there at once.
func (g *Gateway) left(user string, from netip.Addr) {
	g.streams.Add(-1)
	g.cfg.Limits.Close(user, from)
}

// over is called once for every stream that was carried.
func (g *Gateway) over(reason conn.Reason) {
	g.metrics.ended.WithLabelValues(string(reason)).Inc()
}

// wanted is a request for a stream that was judged.
type wanted struct {
	req       hub.Request
	who       identity
	heartbeat time.Duration
	wait      time.Duration // of a long poll; zero: this is none
	form      string        // what else tells polls of different streams apart
}

// judge decides about a request for a stream. One that is over the address's rate
// is refused without an error, and before anything is asked of its token.
func (g *Gateway) judge(r *http.Request, from netip.Addr) (refusal, wanted, error) {
	var ask wanted
	if g.draining.Load() {
		return refusedDraining, ask, draining()
	}
	q, err := parseStreamQuery(r, g.params)
	if err != nil {
		return refusedMalformed, ask, server.NewProblem(http.StatusBadRequest, err.Error())
	}
	if !acceptsStream(r.Header.Values("Accept")) {
		return refusedAccept, ask, server.NewProblem(http.StatusNotAcceptable, "a stream is text/event-stream")
	}
	if !g.cfg.Limits.Allow(from) {
		return refusal(limit.Rate), ask, nil
	}
	who, err := g.identify(r)
	ask.who, ask.heartbeat, ask.wait = who, cmp.Or(q.heartbeat, g.cfg.Heartbeat), q.wait
	switch {
	case passes(err):
		return refusedUnready, ask, err
	case err != nil:
		return refusedUnauthorized, ask, err
	}
	ask.req = hub.Request{
		User: who.user(), Issued: who.issued(), Address: from, Agent: r.UserAgent(),
		Channels: q.channels, Cursor: q.cursor, BadCursor: q.badCursor, ReplayReset: q.replay,
		MessageOnly: q.messageOnly, PingEvents: q.pingEvents,
		Retry: (retryLeast + rand.N(retrySpan)).Truncate(time.Millisecond),
	}
	if ask.req.Poll = q.wait > 0; ask.req.Poll {
		ask.req.Retry = (pollLeast + rand.N(pollSpan)).Truncate(time.Millisecond)
	}
	switch {
	case who.claims == nil && (len(q.channels) == 0 || q.inbox != nil && *q.inbox):
		return refusedUnauthorized, ask, needToken(who, "an inbox needs a token")
	case who.claims != nil && (q.inbox == nil || *q.inbox):
		ask.req.Inbox = true
		ask.req.Channels = withInbox(q.channels, who.claims.Inbox())
	case len(q.channels) == 0:
		return refusedMalformed, ask, server.NewProblem(http.StatusBadRequest, "the stream has no channel")
	}
	if ask.wait > 0 {
		ask.form = fmt.Sprint(ask.req.Channels, ask.req.Inbox, q.replay, q.messageOnly, q.pingEvents)
	}
	if err := g.admit(who, ask.req.Channels); err != nil {
		why := refusedForbidden
		if who.claims == nil {
			why = refusedUnauthorized
		}
		return why, ask, err
	}
	return "", ask, nil
}

// withInbox puts the inbox first, once.
func withInbox(channels []event.Channel, inbox event.Channel) []event.Channel {
	channels = slices.DeleteFunc(channels, func(ch event.Channel) bool { return ch == inbox })
	return slices.Insert(channels, 0, inbox)
}

// carry has the engine answer with the stream. Nobody may write to the response
// any more when it returns: the stream goes on without this request.
func (g *Gateway) carry(c echo.Context, source conn.Source, ask wanted) {
	who := ask.who
	h := c.Response().Header()
	if who.badCookie != nil {
		h.Set("Set-Cookie", g.clearedCookie(c.Request()))
	}
	streamHead(h)
	opt := conn.Options{Heartbeat: ask.heartbeat, SlowTimeout: g.cfg.SlowTimeout, Begun: server.KeepOut(c.Request())}
	if g.cfg.MaxAge > 0 {
		opt.Age = time.Now().Add(wait.Jitter(g.cfg.MaxAge))
	}
	if who.claims != nil {
		opt.Expiry = who.claims.Expires
	}
	g.engine.Serve(response{c.Response()}, c.Request(), greeting, source, opt)
}

// streamHead sets the headers of every stream.
func streamHead(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no")
}

// response is echo's, but for Flush: that one keeps errors to itself, and a
// client that takes no bytes would show only at the next write.
type response struct{ *echo.Response }

// FlushError is what http.ResponseController calls.
func (w response) FlushError() error { return http.NewResponseController(w.Writer).Flush() }

func draining() *server.Problem { return unavailable("this gateway is going away") }

// unavailable sends a client elsewhere; a proxy that can try the next gateway does.
func unavailable(detail string) *server.Problem {
	return server.NewProblem(http.StatusServiceUnavailable, detail).RetryAfter(busyLeast + rand.N(busySpan))
}
