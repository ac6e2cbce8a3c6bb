// Package server is the scaffold that every HTTP listener of Bellhop stands on:
// one echo router and one huma API on it, refusals as problem+json, request
// ids, an access log without secrets, health, and an end that loses no request.
//
// What is typed (REST) is registered on API and appears in the OpenAPI
// document; what is not (the stream, the page) on Echo. One Server can carry
// gateway, notifier and page at once.
package server

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
)

// Options configure a Server.
type Options struct {
	// Title and Version stand in the OpenAPI document. Default: "Bellhop", "dev".
	Title, Version string
	// Logger takes the access log and what goes wrong. Default: slog.Default().
	Logger *slog.Logger
	// Registerer takes the listener's metrics. Nil: none are shown.
	Registerer prometheus.Registerer
	// Origins are the web origins that may use the API from a browser.
	Origins Origins
	// MaxBody is the most bytes of a request body on any route; huma's
	// operations may set less. Default: 16 MiB.
	MaxBody int64
	// HeaderTimeout is how long a client may take for a request's head, and
	// BodyTimeout for its body. It rules over huma's BodyReadTimeout.
	// Default: 10 s and 30 s.
	HeaderTimeout, BodyTimeout time.Duration
	// WriteTimeout is how long an answer may take from the request's head to
	// its last byte. A handler that writes for longer lifts it with
	// http.ResponseController.SetWriteDeadline. Default: 60 s.
	WriteTimeout time.Duration
	// IdleTimeout is how long a connection waits for its next request.
	// Default: 2 min, more than a proxy in front keeps its own.
	IdleTimeout time.Duration
	// DrainDelay is how long Serve goes on as before at its end but for /readyz:
	// balancers need a moment to look away. Default: none.
	DrainDelay time.Duration
	// ShutdownTimeout bounds the end of Serve after that: hooks of OnDrain and
	// requests under way together. Default: 30 s.
	ShutdownTimeout time.Duration

	// unreadIdle is how long boundBodies waits for the next piece of a refused body.
	// Default: 3 s, half a dozen retransmissions.
	unreadIdle time.Duration
}

func (o Options) withDefaults() Options {
	o.Title = cmp.Or(o.Title, "Bellhop")
	o.Version = cmp.Or(o.Version, "dev")
	o.MaxBody = cmp.Or(o.MaxBody, 16<<20)
	o.HeaderTimeout = cmp.Or(o.HeaderTimeout, 10*time.Second)
	o.BodyTimeout = cmp.Or(o.BodyTimeout, 30*time.Second)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, time.Minute)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, 2*time.Minute)
	o.ShutdownTimeout = cmp.Or(o.ShutdownTimeout, 30*time.Second)
	o.unreadIdle = cmp.Or(o.unreadIdle, 3*time.Second)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	return o
}

// Server is a listener's router and API. Register routes before Serve.
type Server struct {
	// Echo takes the routes that are not typed. Its error handler is the
	// server's: a handler returns a *Problem, or any error for a 500 whose
	// text goes to the log alone.
	Echo *echo.Echo
	// API takes the typed operations.
	API huma.API

	opt      Options
	log      *slog.Logger
	duration *prometheus.HistogramVec
	admin    []func(*http.ServeMux) // see HandleAdmin
	streams  string                 // see PaceStreams
	room     func() int
	health   health
	draining atomic.Bool
	level    *slog.LevelVar // of log; nil: it stays as it is

	hooksMu sync.Mutex
	hooks   []func(context.Context)
}

// New makes a Server with /livez, /readyz, /openapi.json and /docs. It fails
// only if the registerer has the metrics of another Server already.
func New(opt Options) (*Server, error) {
	opt = opt.withDefaults()
	duration, err := newMetrics(opt.Registerer)
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	e := echo.New()
	e.HTTPErrorHandler = handleError
	e.Logger.SetOutput(io.Discard) // echo's own logger; ours is slog
	s := &Server{Echo: e, opt: opt, log: opt.Logger, duration: duration}
	// boundBodies comes first: what it waits for is not part of the request's time.
	e.Use(boundBodies(opt.unreadIdle, opt.BodyTimeout), requestID, s.accessLog, s.recoverPanic(), safeHeaders, opt.Origins.cors,
		limitBody(opt.MaxBody), decodeParams)

	config := huma.DefaultConfig(opt.Title, opt.Version)
	// The document and the page are served by docs.go: huma's page loads its
	// scripts from elsewhere, and its document is built by a data race.
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.CreateHooks = nil // no "$schema" member in every answer
	config.Transformers = []huma.Transformer{keepCause}
	config.OnAddOperation = append(config.OnAddOperation, describeQueryErrors)
	s.API = huma.NewAPI(config, headToo{humaecho.New(e, config).Adapter()})
	s.API.UseMiddleware(compressOperation, checkQuery, limitOperation)

	s.get(livePath, s.live)
	s.get(readyPath, s.ready)
	s.serveDocs()
	return s, nil
}

// get registers what answers GET, and HEAD alike: some balancers and monitors ask by
// that. net/http leaves the body out.
func (s *Server) get(path string, h echo.HandlerFunc) {
	s.Echo.GET(path, h)
	s.Echo.HEAD(path, h)
}

// headToo has HEAD answered where a typed operation answers GET, but for streams, which
// would never end.
type headToo struct{ huma.Adapter }

// Handle implements huma.Adapter.
func (a headToo) Handle(op *huma.Operation, handler func(huma.Context)) {
	a.Adapter.Handle(op, handler)
	ok := op.Responses["200"]
	if op.Method == http.MethodGet && (ok == nil || ok.Content["text/event-stream"] == nil) {
		head := *op
		head.Method = http.MethodHead
		a.Adapter.Handle(&head, handler)
	}
}

// PaceStreams names the path whose answers are streams. When many clients come at once,
// their connections then wait in order, so that streams that are open do not wait for
// them. No more wait than room says that there is room for streams, but for a few. Call it
// before Serve.
func (s *Server) PaceStreams(path string, room func() int) { s.streams, s.room = path, room }

// Origins are those of the Options.
func (s *Server) Origins() Origins { return s.opt.Origins }

// OnDrain registers what has to happen before requests under way are waited
// for, such as ending streams. Hooks run at once with each other; their context
// ends when the time of the shutdown is up.
func (s *Server) OnDrain(hook func(context.Context)) {
	s.hooksMu.Lock()
	defer s.hooksMu.Unlock()
	s.hooks = append(s.hooks, hook)
}

// Draining tells whether the server is on its way down.
func (s *Server) Draining() bool { return s.draining.Load() }
