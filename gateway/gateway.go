// Package gateway is the HTTP API of clients: the stream, the inbox, the history
// of a channel, and the session cookie. It decides who may open what; hub follows
// the channels, and conn carries the bytes.
package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/gateway/conn/engine"
	"github.com/bellhop/bellhop/gateway/hub"
	"github.com/bellhop/bellhop/gateway/limit"
	"github.com/bellhop/bellhop/gateway/poll"
	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/store"
)

// Log is what the gateway itself reads from the log; the hub has its own.
type Log interface {
	// Ranges returns a page for each range, in order.
	Ranges(ctx context.Context, ranges []store.Range) ([]store.Page, error)
}

// Config of a Gateway.
type Config struct {
	Hub *hub.Hub // required
	Log Log      // required
	// Kept is the log of namespaces with "log: redis". Nil: Log has them too.
	Kept Log
	// Inbox is the log for inboxes; nil: the API has none.
	Inbox InboxLog
	// Bus tells gateways of changes of inboxes within a moment. Nil: they hear
	// of them from the log's tail.
	Bus fanout.Publisher
	// Verifier checks tokens. Nil: no token is good, and there are only
	// anonymous clients.
	Verifier *auth.Verifier
	// Policies say who may listen to what. The zero value opens nothing.
	Policies auth.Policies
	// AccessTokenQuery accepts tokens in the query parameter access_token too,
	// for clients that can send neither a header nor a cookie. URLs end up in
	// other people's logs, hence off by default.
	AccessTokenQuery bool

	// FramedCookie makes the session cookie one that pages have which other sites
	// frame; it takes TLS. Default: it is sent within its own site only.
	FramedCookie bool

	// Heartbeat is the longest silence on a stream. Default: 20 s.
	Heartbeat time.Duration
	// SlowTimeout is how long a client may take no bytes. Default: 30 s.
	SlowTimeout time.Duration
	// MaxAge is the age at which a stream is ended, give or take a tenth, so
	// that streams that began together do not end together. Zero: no limit.
	MaxAge time.Duration
	// Revocations tell which tokens are no good although they verify. It stays
	// the caller's to close. Nil: none is.
	Revocations *Revocations
	// Limits bound what one person and one address may take. Default: none.
	Limits *limit.Guard
	// Proxies are believed about whom they forward, and about TLS.
	Proxies limit.Proxies
	// MaxStreams is the most streams that are open at once. Zero: no limit.
	MaxStreams int
	// Drain is the window over which Drain spreads the ends of streams. Zero:
	// all at once.
	Drain time.Duration
	// Remember is how many calls that mark events as read are remembered for ten minutes.
	// Default: none.
	Remember int

	Logger     *slog.Logger          // default: slog.Default()
	LogPeople  bool                  // log lines name people, not only a hash of theirs
	Registerer prometheus.Registerer // default: metrics are counted, not exported
}

// Gateway serves the API of clients. It is safe for concurrent use.
type Gateway struct {
	cfg      Config
	log      *slog.Logger
	metrics  *metrics
	origins  server.Origins
	params   []*huma.Param // of the stream
	engine   *engine.Engine
	access   atomic.Pointer[access]
	streams  atomic.Int64 // open now
	churn    *churn
	polls    *poll.Polls
	draining atomic.Bool
	// announcer is nil without a bus.
	announcer *announcer
	reads     reads
	doubt     sync.Once // in which a proxy is pointed out that nobody named
}

// New makes a Gateway.
func New(cfg Config) (*Gateway, error) {
	if cfg.Hub == nil || cfg.Log == nil {
		return nil, errors.New("gateway: Hub and Log are required")
	}
	cfg.Heartbeat = cmp.Or(cfg.Heartbeat, 20*time.Second)
	cfg.SlowTimeout = cmp.Or(cfg.SlowTimeout, 30*time.Second)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	cfg.Limits = cmp.Or(cfg.Limits, limit.NewGuard(limit.Config{}))
	g := &Gateway{cfg: cfg, log: cfg.Logger}
	g.reads.calls = make([]read, cfg.Remember)
	g.access.Store(&access{cfg.Verifier, cfg.Policies})
	m, err := newMetrics(cfg.Registerer, func() float64 { return float64(g.streams.Load()) })
	if err != nil {
		return nil, err
	}
	g.metrics = m
	if g.polls, err = poll.New(cfg.Registerer); err != nil {
		return nil, fmt.Errorf("long polls: %w", err)
	}
	g.engine, err = engine.New(engine.Config{Ended: g.over, Logger: cfg.Logger, Registerer: cfg.Registerer})
	if err != nil {
		return nil, fmt.Errorf("connection engine: %w", err)
	}
	if cfg.Bus != nil {
		g.announcer = newAnnouncer(cfg.Bus, cfg.Logger)
	}
	if cfg.Revocations != nil {
		cfg.Revocations.listen(func() {
			if n := cfg.Hub.EndRevoked(cfg.Revocations.Cover); n > 0 {
				g.log.Info("streams of revoked tokens end", "streams", n)
			}
		})
	}
	g.churn = newChurn(giveBack)
	return g, nil
}

// closeTime is how long Close waits for clients that have not read the end of
// their streams yet.
const closeTime = 3 * time.Second

// Close ends what carries the streams, after Drain and after the last request
// was answered. Streams that are open even so are cut off; the error tells how
// many. It may be called more than once.
func (g *Gateway) Close() error {
	if g.announcer != nil {
		g.announcer.close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	g.churn.close()
	g.polls.Close()
	return g.engine.Stop(ctx)
}

// room is for how many more streams there is room.
func (g *Gateway) room() int {
	if g.cfg.MaxStreams <= 0 {
		return math.MaxInt
	}
	return g.cfg.MaxStreams - int(g.streams.Load())
}

// Register adds the gateway's routes to a server, and its drain to the server's
// end. Call it once, before the server serves.
func (g *Gateway) Register(s *server.Server) {
	g.origins = s.Origins()
	s.PaceStreams(streamPath, g.room)
	s.Echo.GET(streamPath, g.stream)
	s.Echo.HEAD(streamPath, g.head)
	g.params = g.describeStream(s.API)
	g.registerHistory(s.API)
	if g.cfg.Inbox != nil {
		g.registerInbox(s.API)
	}
	g.registerSession(s.API)
	s.OnDrain(g.Drain)
}
