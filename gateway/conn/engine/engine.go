// Package engine carries streams without a goroutine and without net/http's
// buffers for each: some hundred bytes instead of some ten thousand.
//
// On Linux a stream over plain TCP and HTTP/1.1 leaves net/http when it opens.
// Its descriptor goes to one of a few loops. A loop owns its connections alone:
// it writes without blocking, asks a source for bytes only when the socket took
// the ones before, hears of departed clients by epoll, and looks at all of its
// connections in turn for what time brings: heartbeats, ends, stalled clients.
// Everything else, and every other system, is carried by conn.Serve.
package engine

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bellhop/bellhop/gateway/conn"
)

// Config of an Engine. Zero values mean the defaults.
type Config struct {
	// Shards is how many loops share the streams. A loop writes to one socket
	// at a time, so more of them use more cores. Default: half of GOMAXPROCS
	// (the other half receives, decodes and joins), at least one.
	Shards int
	// SendBuffer is the kernel's buffer for bytes that a client has not taken
	// yet, in bytes as setsockopt takes them: the kernel allows twice as much,
	// its own bookkeeping included (socket(7), SO_SNDBUF). It bounds what a
	// client that stopped reading holds. Default: 16 KiB.
	SendBuffer int
	// Ended, if set, hears of every stream that is over, after its source was
	// closed. Loops call it: it must not block.
	Ended func(conn.Reason)

	Logger     *slog.Logger          // default: slog.Default()
	Registerer prometheus.Registerer // default: metrics are counted, not exported
}

func (c Config) withDefaults() Config {
	if c.Shards <= 0 {
		c.Shards = max(1, runtime.GOMAXPROCS(0)/2)
	}
	if c.SendBuffer <= 0 {
		c.SendBuffer = 16 << 10
	}
	if c.Ended == nil {
		c.Ended = func(conn.Reason) {}
	}
	c.Logger = cmp.Or(c.Logger, slog.Default())
	return c
}

// Engine carries streams. It is safe for concurrent use.
type Engine struct {
	cfg     Config
	metrics *metrics
	loops   loops
}

// New starts an engine. Its goroutines run until Stop.
func New(cfg Config) (*Engine, error) {
	cfg = cfg.withDefaults()
	m, err := newMetrics(cfg.Registerer)
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	e := &Engine{cfg: cfg, metrics: m}
	if err := e.loops.start(e); err != nil {
		return nil, err
	}
	return e, nil
}

// Serve answers the request with a stream: status 200, the headers set on w,
// the greeting (which may be empty), then what the source says. It may return
// before the stream is over, and the handler has to return then, without
// touching w or r any more; the source's Close and Config.Ended tell when the
// stream is over. Middleware that wrote to w after its handler would get
// http.ErrHijacked.
//
// A connection that an engine took over carries nothing after the stream, and
// its response says so ("Connection: close").
func (e *Engine) Serve(w http.ResponseWriter, r *http.Request, greeting []byte, src conn.Source, opt conn.Options) {
	if suits(r) && e.loops.take(w, greeting, src, opt) {
		return
	}
	if err := conn.Greet(w, greeting); err != nil {
		opt.Begin()
		e.over(src, conn.ReasonClient)
		return
	}
	e.cfg.Ended(conn.Serve(w, r, src, opt))
}

// Stop ends the engine. Streams are not told to end, their sources do that; Stop
// waits for it, and cuts off what is left when ctx ends, of which the error
// speaks. Streams that are opened afterwards are carried by their handlers.
// Stop may be called more than once.
func (e *Engine) Stop(ctx context.Context) error {
	if cut := e.loops.stop(ctx); cut > 0 {
		return fmt.Errorf("%d streams were cut off: %w", cut, context.Cause(ctx))
	}
	return nil
}

func (e *Engine) over(src conn.Source, reason conn.Reason) {
	e.cfg.Ended(conn.Over(src, reason))
}

// suits tells whether a loop could carry the response. Under TLS the bytes of a
// response are not those of the socket, HTTP/2 shares the socket with other
// requests, and HTTP/1.0 has no chunks. A request with a body is not worth the
// trouble: what is left of the body would have to be read from the descriptor.
func suits(r *http.Request) bool {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	_, tcp := local.(*net.TCPAddr)
	return tcp && r.TLS == nil && r.ProtoMajor == 1 && r.ProtoMinor >= 1 &&
		r.Method == http.MethodGet && r.ContentLength == 0
}
