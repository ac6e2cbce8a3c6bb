package gateway_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway"
	"github.com/bellhop/bellhop/gateway/limit"
)

// TestHeadOfTheStream is what a stream's would be; no stream is opened for it, and
// none of anybody's places taken.
func TestHeadOfTheStream(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *gateway.Config) {
		c.MaxStreams = 1
		c.Limits = limit.NewGuard(limit.Config{Streams: new(limit.Memory).Join(), UserStreams: 1, AddressStreams: 1})
	})
	mina := bearer(token(t, "mina"))
	for range 3 {
		resp := r.do(http.MethodHead, "/v1/stream", mina)
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
		require.Equal(t, "no-cache, no-transform", resp.Header.Get("Cache-Control"))
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Empty(t, body)
		require.Zero(t, r.openStreams())
		require.Equal(t, "proto=HTTP/1.1; tls=false; cursor=false; heartbeat=20s", resp.Header.Get(gateway.SeenHeader))
	}
	s := r.stream("/v1/stream", mina).greeted()
	s.expect("bellhop.ready")
	require.Equal(t, http.StatusOK, r.do(http.MethodHead, "/v1/stream", mina).StatusCode, "it holds no place, and needs none")
	s.leave()
	for path, status := range map[string]int{
		"/v1/stream":                http.StatusUnauthorized,
		"/v1/stream?chanel=topic:a": http.StatusBadRequest,
		"/v1/stream?channel=room:1": http.StatusUnauthorized,
	} {
		require.Equal(t, status, r.do(http.MethodHead, path).StatusCode, path)
	}
	require.Eventually(t, func() bool { return r.openStreams() == 0 }, patience, time.Millisecond)
}
