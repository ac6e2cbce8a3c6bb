package nginxtest

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	site     = "bellhop/site.conf"
	openNews = "/v1/stream?channel=topic:news"
)

// heldBack makes Nginx speak HTTP/1.0 and buffer, and not listen to the gateway's
// wish: what many configurations do by leaving the lines out.
var heldBack = []change{
	{site, "    include bellhop/proxy.conf;\n\n    # Every event", "    # Every event"},
	{site, "proxy_buffering off;", "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;"},
}

// TestHTTP10UpstreamKeepsAStreamPending: without proxy_http_version the response
// has no chunks, and Nginx has no reason to pass anything on before it is over.
func TestHTTP10UpstreamKeepsAStreamPending(t *testing.T) {
	t.Parallel()
	b := newBellhop(t)
	wrong := watch(t, newEdge(t, []string{addr(b)}, nil, heldBack...).URL()+openNews)
	right := watch(t, newEdge(t, []string{addr(b)}, nil).URL()+openNews)
	await(t, "ours is live", func() bool { return right.got("event: bellhop.ready") })
	never(t, "the wrong one has begun", time.Second, func() bool { return wrong.opened() })
}

// TestBufferedCompressionDeliversLate: events wait in the compressor's buffer.
func TestBufferedCompressionDeliversLate(t *testing.T) {
	t.Parallel()
	b := newBellhop(t)
	gzip := []string{"Accept-Encoding", "gzip"}
	wrong := watch(t, newEdge(t, []string{addr(b)}, nil,
		change{site, "gzip off;", "gzip on; gzip_min_length 0; gzip_proxied any; gzip_types text/event-stream;"},
		change{site, "proxy_buffering off;", "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;"},
	).URL()+openNews, gzip...)
	right := watch(t, newEdge(t, []string{addr(b)}, nil).URL()+openNews, gzip...)
	await(t, "ours is live", func() bool { return right.got("event: bellhop.ready") })
	publish(t, b.URL, "topic:news")
	await(t, "the event", func() bool { return right.got("event: note") })
	never(t, "the wrong one has begun", time.Second, wrong.opened)
}

// TestReadTimeoutCutsASilentStream: the timeout counts silence, so heartbeats keep
// a stream open for longer than it.
func TestReadTimeoutCutsASilentStream(t *testing.T) {
	t.Parallel()
	timeout := []string{"EDGE_READ_TIMEOUT=2s"}
	silent, beating := newBellhop(t, "BELLHOP_HEARTBEAT=1m"), newBellhop(t, "BELLHOP_HEARTBEAT=500ms")
	wrong := watch(t, newEdge(t, []string{addr(silent)}, timeout).URL()+openNews)
	right := watch(t, newEdge(t, []string{addr(beating)}, timeout).URL()+openNews)
	await(t, "ours is live", func() bool { return right.got("event: bellhop.ready") })
	await(t, "the wrong one is cut", wrong.ended)
	require.ErrorIs(t, wrong.err, io.ErrUnexpectedEOF, "a browser says ERR_INCOMPLETE_CHUNKED_ENCODING")
	never(t, "ours is cut", 3*time.Second, right.ended)
}

// TestReloadCutsStreamsUnlessOldWorkersMayStay: a reload, for a certificate or a
// switch of colours, leaves open streams to the old workers.
func TestReloadCutsStreamsUnlessOldWorkersMayStay(t *testing.T) {
	t.Parallel()
	b := newBellhop(t, "BELLHOP_DRAIN=200ms")
	hasty := newEdge(t, []string{addr(b)}, []string{"EDGE_SHUTDOWN_TIMEOUT=1s"})
	patient := newEdge(t, []string{addr(b)}, nil)
	wrong, right := watch(t, hasty.URL()+openNews), watch(t, patient.URL()+openNews)
	for _, w := range []*watcher{wrong, right} {
		await(t, "the stream is live", func() bool { return w.got("event: bellhop.ready") })
	}
	hasty.Reload()
	patient.Reload()
	await(t, "the wrong one is cut", wrong.ended)
	require.ErrorIs(t, wrong.err, io.ErrUnexpectedEOF)
	publish(t, b.URL, "topic:news")
	await(t, "ours goes on", func() bool { return right.got("event: note") })

	require.NoError(t, b.Stop(waitFor))
	await(t, "ours has ended with its gateway", right.ended)
	require.NoError(t, right.err, "a drained stream has its last chunk")
	require.True(t, right.got("event: bellhop.drain"))
}

// TestKilledGatewayBreaksAStreamVisibly: what ends without its last chunk must not
// look like a proper end to a client.
func TestKilledGatewayBreaksAStreamVisibly(t *testing.T) {
	t.Parallel()
	b := newBellhop(t)
	w := watch(t, newEdge(t, []string{addr(b)}, nil).URL()+openNews)
	await(t, "the stream is live", func() bool { return w.got("event: bellhop.ready") })
	b.Kill(t)
	await(t, "the stream has ended", w.ended)
	require.ErrorIs(t, w.err, io.ErrUnexpectedEOF)
}

// TestLongestRequestFits: fifteen channels of the longest names, and a cursor of
// all of them in the address, as polyfills send it, beside a large cookie.
func TestLongestRequestFits(t *testing.T) {
	t.Parallel()
	b := newBellhop(t)
	var query, cursor strings.Builder
	for i := range 15 {
		name := "topic%3A" + strings.Repeat("%7C", 95) + string(rune('a'+i))
		query.WriteString("channel=" + name + "&")
		cursor.WriteString("%2C0%40" + name)
	}
	path := "/v1/stream?" + query.String() + "lastEventId=" + strings.TrimPrefix(cursor.String(), "%2C")
	cookie := []string{"Cookie", "other=" + strings.Repeat("x", 4000)}
	right := watch(t, newEdge(t, []string{addr(b)}, nil).URL()+path, cookie...)
	await(t, "ours is live", func() bool { return right.got("event: bellhop.ready") })

	wrong := newEdge(t, []string{addr(b)}, nil,
		change{"bellhop/http.conf", "large_client_header_buffers 4 16k;", ""}) // the default is 4 8k
	resp, err := do(t, http.MethodGet, wrong.URL()+path, nil, cookie...)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusRequestURITooLong, resp.StatusCode)
}

// TestListsAreCompressedBehindNginx as the gateway did it, and validated.
func TestListsAreCompressedBehindNginx(t *testing.T) {
	t.Parallel()
	b := newBellhop(t)
	e := newEdge(t, []string{addr(b)}, nil)
	for range 20 {
		publish(t, b.URL, "topic:news")
	}
	const path = "/v1/channels/topic:news/events"
	resp, err := do(t, http.MethodGet, e.URL()+path, nil, "Accept-Encoding", "gzip")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, "gzip", resp.Header.Get("Content-Encoding"))
	resp, err = do(t, http.MethodGet, e.URL()+path, nil, "If-None-Match", resp.Header.Get("ETag"))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusNotModified, resp.StatusCode)
}
