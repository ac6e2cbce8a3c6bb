package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
)

// gateway passes on to a gateway what is Bellhop's, so that page, product and
// streams have one origin. With many users a proxy in front does this: it holds a
// stream for a few kilobytes, where this one takes two goroutines.
type gateway struct {
	to        *url.URL // nil: there is a proxy in front
	transport *http.Transport
	log       *slog.Logger
	open      atomic.Int64 // streams
}

func newGateway(address string, log *slog.Logger) (*gateway, error) {
	g := &gateway{transport: new(http.Transport), log: log}
	if address == "" {
		return g, nil
	}
	to, err := url.Parse(address)
	if err != nil || to.Host == "" || to.Scheme != "http" && to.Scheme != "https" {
		return nil, fmt.Errorf("-gateway: want http:// or https:// and a host, have %q", address)
	}
	g.to = to
	return g, nil
}

// streams counts those that pass through here; ok is false if none do.
func (g *gateway) streams(context.Context) (n int, ok bool) {
	return int(g.open.Load()), g.to != nil
}

// handler answers with the product all that is not Bellhop's.
func (g *gateway) handler(product http.Handler) http.Handler {
	if g.to == nil {
		return product
	}
	proxy := &httputil.ReverseProxy{
		Transport: g.transport,
		// Visitors who leave in the middle of an answer are no news.
		ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(g.to)
			r.SetXForwarded()
			r.Out.Host = r.In.Host // origins are told apart by it
		},
	}
	stream := func(w http.ResponseWriter, r *http.Request) {
		g.open.Add(1)
		defer g.open.Add(-1)
		proxy.ServeHTTP(w, r)
	}
	mux := http.NewServeMux()
	mux.Handle("/", product)
	mux.Handle("/v1/", proxy)
	mux.HandleFunc("GET /v1/stream", stream)
	mux.HandleFunc("GET /api/v1/raffle/{id}/subscribe", func(w http.ResponseWriter, r *http.Request) {
		to := *r.URL
		query := to.Query()
		query.Set("channel", "raffle:"+r.PathValue("id"))
		to.Path, to.RawPath, to.RawQuery = "/v1/stream", "", query.Encode()
		r = r.Clone(r.Context())
		r.URL = &to
		stream(w, r)
	})
	return mux
}
