package server

import (
	"context"
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

// ServeAdmin answers /metrics and /debug/pprof on ln until ctx ends, and closes
// it. Neither belongs on a public listener. Let ctx outlive that of the public
// listeners: a drain is worth watching.
func ServeAdmin(ctx context.Context, ln net.Listener, g prometheus.Gatherer, log *slog.Logger) error {
	return serve(ctx, adminServer(g, log, adminTimeout), log, []net.Listener{ln}, adminShutdown, func(context.Context) {})
}

func adminServer(g prometheus.Gatherer, log *slog.Logger, timeout time.Duration) *http.Server {
	return &http.Server{
		Handler:           boundBody(AdminHandler(g), timeout),
		ReadHeaderTimeout: timeout,
		// No ReadTimeout and no WriteTimeout: a profile takes as long as it was
		// asked to, and either would end it.
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
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

// AdminHandler is what ServeAdmin serves.
func AdminHandler(g prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(g, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}
