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

// adminShutdown is how long a scrape under way is waited for.
const adminShutdown = 2 * time.Second

// ServeAdmin answers /metrics and /debug/pprof on ln until ctx ends, and closes
// it. Neither belongs on a public listener. Let ctx outlive that of the public
// listeners: a drain is worth watching.
func ServeAdmin(ctx context.Context, ln net.Listener, g prometheus.Gatherer, log *slog.Logger) error {
	srv := &http.Server{
		Handler:           AdminHandler(g),
		ReadHeaderTimeout: 10 * time.Second,
		// No WriteTimeout: a profile takes as long as it was asked to.
		IdleTimeout: 2 * time.Minute,
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return serve(ctx, srv, log, []net.Listener{ln}, adminShutdown, func(context.Context) {})
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
