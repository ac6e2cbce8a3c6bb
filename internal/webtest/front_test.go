package webtest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mostCrossed is how many reports a front keeps.
const mostCrossed = 20

// front stands before a house, and knows whose streams are open.
type front struct {
	url  string
	next http.Handler

	mu    sync.Mutex
	open  map[string]int       // by person
	since map[string]time.Time // of more than one
	sightings
}

type sightings struct {
	opened, overlaps int
	longest          time.Duration // of an overlap
	crossed          []string      // as the page reports
	became           []became
}

// became is what a page says that shows things of somebody where there was nobody.
type became struct {
	User         string
	Since, Until int64 // Unix time in ms: there was nobody, until what came was shown
	States       []string
}

// signing is a time during which somebody may have been signed in.
type signing struct {
	who      string
	from, to int64 // Unix time in ms; to is 0 until it is over
}

// founded tells whether somebody was signed in at some time at which a tab may have
// asked for what it then showed of them.
func founded(b became, signings []signing) bool {
	return slices.ContainsFunc(signings, func(s signing) bool {
		return s.who == b.User && s.from <= b.Until && (s.to == 0 || s.to >= b.Since)
	})
}

func TestFounded(t *testing.T) {
	t.Parallel()
	signings := []signing{{"mina", 10, 20}, {"", 15, 30}, {"jonas", 30, 0}}
	for _, c := range []struct {
		became  became
		founded bool
	}{
		{became{User: "mina", Since: 5, Until: 9}, false},
		{became{User: "mina", Since: 5, Until: 12}, true},
		{became{User: "mina", Since: 18, Until: 25}, true}, // the answer came late
		{became{User: "mina", Since: 21, Until: 25}, false},
		{became{User: "jonas", Since: 21, Until: 25}, false},
		{became{User: "jonas", Since: 40, Until: 45}, true},
	} {
		require.Equal(t, c.founded, founded(c.became, signings), "%+v", c.became)
	}
}

func newFront(t *testing.T, target string) *front {
	t.Helper()
	to, err := url.Parse(target)
	require.NoError(t, err)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	f := &front{open: make(map[string]int), since: make(map[string]time.Time)}
	f.next = &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1,
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		ModifyResponse: func(resp *http.Response) error {
			if resp.StatusCode == http.StatusOK && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
				who := subject(resp.Request)
				f.count(who, 1)
				context.AfterFunc(resp.Request.Context(), func() { f.count(who, -1) })
			}
			return nil
		},
	}
	// By HTTP/2, as it should be: of HTTP/1.1 Chromium reads on for five seconds when a
	// page has given a stream up, in the hope of the connection's next use.
	server := httptest.NewUnstartedServer(f)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // connections that break
	server.StartTLS()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	f.url = server.URL
	return f
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/crossed" && r.URL.Path != "/became" {
		f.next.ServeHTTP(w, r)
		return
	}
	b, err := io.ReadAll(r.Body)
	var who became
	if err == nil && r.URL.Path == "/became" {
		err = json.Unmarshal(b, &who)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err != nil:
		f.cross(err.Error())
	case r.URL.Path == "/crossed":
		f.cross(string(b))
	default:
		f.became = append(f.became, who)
	}
}

// cross keeps a report. f.mu is held.
func (f *front) cross(what string) {
	if len(f.crossed) < mostCrossed {
		f.crossed = append(f.crossed, what)
	}
}

func (f *front) count(who string, by int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open[who] += by
	switch {
	case by > 0:
		f.opened++
		if f.open[who] == 2 {
			f.overlaps++
			f.since[who] = time.Now()
		}
	case f.open[who] == 1:
		f.longest = max(f.longest, time.Since(f.since[who]))
	}
}

// streams are those whose streams are open, one word each.
func (f *front) streams() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for who, count := range f.open {
		for range count {
			all = append(all, who)
		}
	}
	return strings.Join(all, " ")
}

func (f *front) seen() sightings {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sightings
}

// subject is whom a request says that it comes from.
func subject(r *http.Request) string {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if cookie, err := r.Cookie("bellhop_session"); token == "" && err == nil {
		token = cookie.Value
	}
	var claims struct {
		Sub string `json:"sub"`
	}
	parts := strings.Split(token, ".")
	if payload, err := base64.RawURLEncoding.DecodeString(parts[min(1, len(parts)-1)]); err == nil {
		_ = json.Unmarshal(payload, &claims) // nobody's, if it is no token
	}
	return claims.Sub
}
