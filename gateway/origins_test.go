package gateway_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPagesOfListedOriginsOpenStreams: apps and previews too, with the headers that
// what watches a page adds; and nobody who only looks like them.
func TestPagesOfListedOriginsOpenStreams(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for origin, listed := range map[string]bool{
		app:                                     true,
		"capacitor://localhost":                 true,
		"https://pr-7.preview.example.com":      true,
		"https://evil.com/.preview.example.com": false,
		"https://a.b.preview.example.com":       false,
		"https://preview.example.com":           false,
		"capacitor://localhost.evil.com":        false,
	} {
		from := header{"Origin", origin}
		h := r.do(http.MethodOptions, "/v1/stream", from, header{"Access-Control-Request-Method", "GET"},
			header{"Access-Control-Request-Headers", "authorization,sentry-trace,baggage,traceparent"}).Header
		s := r.stream("/v1/stream?channel=topic:a", from).greeted()
		if listed {
			require.Contains(t, h.Get("Access-Control-Allow-Headers"), "sentry-trace, baggage, traceparent")
			require.Equal(t, origin, h.Get("Access-Control-Allow-Origin"))
			require.Equal(t, origin, s.resp.Header.Get("Access-Control-Allow-Origin"))
			require.Equal(t, "X-Request-Id, Retry-After, ETag, Date", s.resp.Header.Get("Access-Control-Expose-Headers"))
		} else {
			require.NotContains(t, h, "Access-Control-Allow-Headers", origin)
			require.NotContains(t, h, "Access-Control-Allow-Origin", origin)
			require.NotContains(t, s.resp.Header, "Access-Control-Allow-Origin", origin)
		}
		s.leave()
		// What changes something by cookie comes from the same origins.
		want := map[bool]int{true: http.StatusNoContent, false: http.StatusForbidden}[listed]
		require.Equal(t, want, r.do(http.MethodDelete, "/v1/session", cookie(token(t, "mina")), from).StatusCode, origin)
	}
}
