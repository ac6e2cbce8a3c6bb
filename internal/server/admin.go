package server

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// adminShutdown is how long a scrape under way is waited for.
	adminShutdown = 2 * time.Second
	// adminTimeout bounds a request's head, and then its body.
	adminTimeout = 10 * time.Second
	// adminBody is the most bytes of a body: pprof reads some addresses from one.
	adminBody = 1 << 20
)

// ServeAdmin answers /metrics, /debug/pprof and /readyz with its reasons on ln
// until ctx ends, and closes it. None of them belongs on a public listener. Let
// ctx outlive that of Serve: a drain is worth watching.
func (s *Server) ServeAdmin(ctx context.Context, ln net.Listener, g prometheus.Gatherer) error {
	return serve(ctx, s.adminServer(g, adminTimeout), s.log, []net.Listener{ln}, adminShutdown, func(context.Context) {})
}

func (s *Server) adminServer(g prometheus.Gatherer, timeout time.Duration) *http.Server {
	return &http.Server{
		Handler:           boundBody(s.adminHandler(g), timeout),
		ReadHeaderTimeout: timeout,
		// No ReadTimeout and no WriteTimeout: a profile takes as long as it was
		// asked to, and either would end it.
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// boundBody bounds the body of a request that has one.
func boundBody(next http.Handler, timeout time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != http.NoBody {
			// An error means a writer without deadlines, which has no slow client.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(timeout))
			r.Body = http.MaxBytesReader(w, r.Body, adminBody)
		}
		next.ServeHTTP(w, r)
	})
}

// HandleAdmin adds a handler of a pattern to what ServeAdmin answers. Call it before.
func (s *Server) HandleAdmin(pattern string, h http.Handler) {
	s.admin = append(s.admin, func(mux *http.ServeMux) { mux.Handle(pattern, h) })
}

func (s *Server) adminHandler(g prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	for _, add := range s.admin {
		add(mux)
	}
	mux.HandleFunc("GET "+readyPath, func(w http.ResponseWriter, r *http.Request) {
		if p := s.notReady(r.Context(), true); p != nil {
			_ = p.Write(w, r) // an error: nobody is there to tell
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(status{"ok", s.degraded()})
	})
	if s.level != nil {
		mux.HandleFunc("GET "+levelPath, s.showLevel)
		mux.HandleFunc("PUT "+levelPath, s.setLevel)
	}
	mux.Handle("GET /metrics", promhttp.HandlerFor(g, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}
