package doctor

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// site is a gateway's stream, a heartbeat every 200 ms, that a proxy passes on as
// pass says: whether the byte that is due at this time of the stream goes out now.
func site(t *testing.T, pass func(since time.Duration) bool) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Cache-Control", "no-cache, no-transform")
		h.Set(seenHeader, "proto=HTTP/1.1; tls=false; cursor=true; heartbeat=200ms")
		if r.Method == http.MethodHead || r.URL.Query().Has("wait") {
			return
		}
		began := time.Now()
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for held := ": hi\n\n"; ; held += ":\n\n" {
			if pass(time.Since(began)) {
				_, err := fmt.Fprint(w, held)
				if err != nil || http.NewResponseController(w).Flush() != nil {
					return
				}
				held = ""
			}
			select {
			case <-r.Context().Done():
				return
			case <-tick.C:
			}
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// bad looks at a site and returns what is bad about it.
func bad(t *testing.T, s Stream) (lines string) {
	t.Helper()
	findings, err := s.Look(t.Context())
	require.NoError(t, err)
	var b strings.Builder
	for _, f := range findings {
		if !f.Good() {
			fmt.Fprintf(&b, "%s: %s\n", f.What, f.Says)
		}
	}
	return b.String()
}

func TestProxyThatBuffersIsNamed(t *testing.T) {
	t.Parallel()
	never := site(t, func(time.Duration) bool { return false })
	lumps := site(t, func(since time.Duration) bool { return since < 100*time.Millisecond || since > 3*time.Second })
	passes := site(t, func(time.Duration) bool { return true })
	require.Equal(t, "first byte: none within 2s: a proxy buffers the stream, or waits for its end\nheartbeats: none arrived\n",
		bad(t, Stream{URL: never, Wait: 2 * time.Second}))
	require.Contains(t, bad(t, Stream{URL: lumps, Wait: 2 * time.Second}), "heartbeats: nothing for ")
	require.Empty(t, bad(t, Stream{URL: passes, Wait: 30 * time.Second}))
}

// TestSiteThatOpensNoStreamIsNamed: one line, with what was said, and never a token.
func TestSiteThatOpensNoStreamIsNamed(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(map[bool]int{true: http.StatusBadGateway, false: http.StatusUnauthorized}[r.Header.Get("Authorization") != ""])
	}))
	t.Cleanup(srv.Close)
	require.Equal(t, "stream: is refused with 401\n", bad(t, Stream{URL: srv.URL}))
	require.Equal(t, "stream: is refused with 502\n", bad(t, Stream{URL: srv.URL, Token: "secret-token"}))
	srv.Close()
	nobody := bad(t, Stream{URL: srv.URL, Token: "secret-token"})
	require.Contains(t, nobody, "stream: there is no answer: ")
	require.NotContains(t, nobody, "secret-token")
	_, err := Stream{URL: "example.com"}.Look(t.Context())
	require.EqualError(t, err, `"example.com" is no address: want https://host`)
}
