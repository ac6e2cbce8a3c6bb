// Package console is a page for operators: the fleet as it is now, what became of an event,
// somebody's streams, and the calls that act on them. It stands on the listener for
// operators and uses the API that everybody has.
package console

import (
	"context"
	"embed"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/bellhop/bellhop/web"
)

//go:embed page
var files embed.FS

// Path is where the page is, API where it finds what it asks for, and Live the address that
// its client of Bellhop has for a gateway.
const (
	Path = "/console/"
	API  = Path + "api"
	Live = Path + "live"
)

// Handler serves what is below Path. api is asked in the page's name: for nothing else than
// the operators' calls, the fleet's stream among them, and to publish. A page that is open on this machine itself needs no
// key: its requests get the context that trusted makes. All others are as any request is.
func Handler(api http.Handler, trusted func(context.Context) context.Context) (http.Handler, error) {
	page, err := fs.Sub(files, "page")
	if err != nil {
		return nil, err
	}
	site, err := web.NewSite(page, web.Client())
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(Path, http.StripPrefix(strings.TrimSuffix(Path, "/"), site))
	ask := func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if here(r) {
			ctx = trusted(ctx)
		}
		r = r.Clone(ctx)
		r.RequestURI = r.URL.RequestURI()
		r.Header.Del("Origin") // it was looked at
		r.Header.Del("Cookie")
		api.ServeHTTP(w, r)
	}
	mux.Handle(API+"/", http.StripPrefix(API, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/events" && !strings.HasPrefix(r.URL.Path, "/v1/admin/") {
			http.NotFound(w, r)
			return
		}
		ask(w, r)
	})))
	mux.HandleFunc("GET "+Live+"/v1/stream", func(w http.ResponseWriter, r *http.Request) {
		r.URL = &url.URL{Path: "/v1/admin/fleet/live"} // there is one stream, whatever channels are asked for
		ask(w, r)
	})
	return mux, nil
}

// here tells whether a request was made on this machine, by the page itself. A page of
// another site that is open in the same browser can send requests to this machine too, and
// have names point at it: the browser says where a request comes from, and the address bar
// what it calls this machine. What a proxy forwards comes from elsewhere.
func here(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback() && loopback(r.Host) && r.Header.Get("Sec-Fetch-Site") == "same-origin"
}

// loopback tells whether a Host means this machine, whoever answers for names.
func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && addr.IsLoopback()
}
