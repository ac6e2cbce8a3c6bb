package gateway_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway"
)

// A client that takes no bytes is dropped, and nobody else notices. It is found
// out by the flush of what it did not take, not by the next event.
func TestSlowClientIsDropped(t *testing.T) {
	t.Parallel()
	// Long enough for a quick client on a busy machine not to be taken for a slow one.
	r := newRig(t, func(c *gateway.Config) { c.SlowTimeout = time.Second })
	quick := r.stream("/v1/stream?channel=topic:a").greeted()
	quick.expect("bellhop.ready")
	c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	require.NoError(t, err)
	defer c.Close()
	_, err = io.WriteString(c, "GET /v1/stream?channel=topic:a HTTP/1.1\r\nHost: a\r\n\r\n")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return r.openStreams() == 2 }, patience, time.Millisecond)
	large := `"` + strings.Repeat("x", 200<<10) + `"`
	for r.openStreams() == 2 {
		r.publish("topic:a", large)
		quick.expect("note")
	}
	require.Equal(t, 1, r.counted("bellhop_streams_ended_total", "slow"))
	r.publish("topic:a", "1")
	require.Contains(t, quick.expect("note").data, `"data":1}`)
	quick.leave()
}

// TestStreamDoesNotWaitForABody: one that is announced and does not come holds back
// no head, and no drain.
func TestStreamDoesNotWaitForABody(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for _, body := range []string{"Content-Length: 10\r\n\r\n", "Content-Length: 10\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n"} {
		c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		require.NoError(t, c.SetDeadline(time.Now().Add(patience)), "less than what a body may take")
		_, err = io.WriteString(c, "GET /v1/stream?channel=topic:a HTTP/1.1\r\nHost: a\r\n"+body)
		require.NoError(t, err)
		lines := bufio.NewReader(c)
		for line := ""; line != ": hi\n"; {
			line, err = lines.ReadString('\n')
			require.NoError(t, err, body)
		}
		defer func() {
			rest, err := io.ReadAll(lines)
			require.NoError(t, err)
			require.True(t, strings.HasSuffix(string(rest), "\r\n0\r\n\r\n"), "a proper end: %q", rest)
		}()
	}
	r.stop()
	require.NoError(t, <-r.done)
}

// Ten clients that leave while their streams open leave nothing behind.
func TestClientsThatLeaveAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for range 10 {
		ctx, cancel := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/v1/stream?channel=topic:a", nil)
		require.NoError(t, err)
		resp, err := r.client.Do(req)
		cancel()
		if err == nil {
			_ = resp.Body.Close()
		}
	}
	require.Eventually(t, func() bool { return r.openStreams() == 0 }, patience, time.Millisecond)
}
