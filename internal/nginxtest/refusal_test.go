package nginxtest

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/sse"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestDrainingGatewaysRefusalIsTriedElsewhere: a client that comes while its
// gateway goes away is let in by the next one, and notices nothing.
func TestDrainingGatewaysRefusalIsTriedElsewhere(t *testing.T) {
	t.Parallel()
	leaving, staying := newBellhop(t, "BELLHOP_DRAIN=4s", "BELLHOP_DRAIN_DELAY=0s"), newBellhop(t)
	gateways := []string{addr(leaving), addr(staying)}
	right := newEdge(t, gateways, nil)
	wrong := newEdge(t, gateways, nil, change{site, "proxy_set_header X-Bellhop-Failover 503;", ""})
	// The drain takes as long as there are streams to spread over it.
	for range 2 {
		held := watch(t, leaving.URL+openNews)
		await(t, "a stream on the leaving gateway", func() bool { return held.got("event: bellhop.ready") })
	}
	stopped := make(chan error, 1)
	go func() { stopped <- leaving.Stop(waitFor) }()
	await(t, "the gateway drains", func() bool { return leaving.Ready(t.Context()) != nil })

	for range 20 {
		w := watch(t, right.URL()+openNews, "X-Bellhop-Failover", "no") // what a client says of it does not count
		await(t, "the stream is live", func() bool { return w.got("event: bellhop.ready") })
	}
	await(t, "the wrong one sends somebody away", func() bool {
		w := watch(t, wrong.URL()+openNews, "X-Bellhop-Failover", "200")
		await(t, "an answer", func() bool { return w.got("event: bellhop.re") }) // ready or refused
		return w.got(`{"reason":"draining"`)
	})
	require.NoError(t, <-stopped)
}

// TestNobodyToServeIsAnsweredWithTheTimeToComeBack, spread over some seconds.
func TestNobodyToServeIsAnsweredWithTheTimeToComeBack(t *testing.T) {
	t.Parallel()
	e := newEdge(t, []string{"127.0.0.1:1"}, nil)
	times := map[time.Duration]bool{}
	for range 20 {
		resp, err := do(t, http.MethodGet, e.URL()+openNews, nil, "Origin", "https://app.example.com")
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
		require.Equal(t, "no-cache, no-transform", resp.Header.Get("Cache-Control"))
		require.Equal(t, "https://app.example.com", resp.Header.Get("Access-Control-Allow-Origin"))
		require.Equal(t, "true", resp.Header.Get("Access-Control-Allow-Credentials"))
		b, err := sse.NewReader(resp.Body).Next()
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, "bellhop.refused", b.Event)
		require.JSONEq(t, fmt.Sprintf(`{"reason":"unavailable","retry":%d}`, b.Retry.Milliseconds()), b.Data)
		require.GreaterOrEqual(t, b.Retry, 2*time.Second)
		require.Less(t, b.Retry, 6*time.Second)
		times[b.Retry] = true
	}
	require.Greater(t, len(times), 4, "more than there are seconds: some requests come within one millisecond")

	resp, err := do(t, http.MethodGet, e.URL()+"/v1/inbox/unread", nil)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusBadGateway, resp.StatusCode, "only streams are answered so")
}

// TestRefusalsForGoodPass: what will not pass by itself keeps its status.
func TestRefusalsForGoodPass(t *testing.T) {
	t.Parallel()
	e := newEdge(t, []string{addr(newBellhop(t))}, nil)
	for path, status := range map[string]int{
		"/v1/stream":                   http.StatusUnauthorized,
		"/v1/stream?channel=nonsense":  http.StatusBadRequest,
		"/v1/stream?channel=user:else": http.StatusUnauthorized,
	} {
		resp, err := do(t, http.MethodGet, e.URL()+path, nil)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, status, resp.StatusCode, path)
		require.Equal(t, "application/problem+json", resp.Header.Get("Content-Type"))
	}
}

// TestTooManyStreamsOfOneAddressComeBackLater: Nginx would say 503, and browsers
// would give up.
func TestTooManyStreamsOfOneAddressComeBackLater(t *testing.T) {
	t.Parallel()
	e := newEdge(t, []string{addr(newBellhop(t))}, []string{"EDGE_STREAMS_PER_ADDRESS=2"})
	for range 2 {
		w := watch(t, e.URL()+openNews)
		await(t, "the stream is live", func() bool { return w.got("event: bellhop.ready") })
	}
	w := watch(t, e.URL()+openNews)
	await(t, "the third one is sent away", func() bool { return w.got("event: bellhop.refused") })
	// The proxy in front says whose stream it is.
	for i := range 4 {
		w := watch(t, e.URL()+openNews, "X-Forwarded-For", "192.0.2."+strconv.Itoa(i))
		await(t, "a stream of another address", func() bool { return w.got("event: bellhop.ready") })
	}
}

// TestLogsHaveNoQuery: it may hold a token.
func TestLogsHaveNoQuery(t *testing.T) {
	t.Parallel()
	const marker = "secret-in-the-query"
	e := newEdge(t, []string{"127.0.0.1:1"}, []string{"EDGE_STREAMS_PER_ADDRESS=1"})
	for range 5 {
		resp, err := do(t, http.MethodGet, e.URL()+openNews+"&access_token="+marker, nil)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
	}
	await(t, "the access log", func() bool { return regexp.MustCompile(`"GET /v1/stream HTTP/1.1" 200`).MatchString(e.accessLog(t)) })
	for _, name := range []string{"access.log", "error.log", "output.log"} {
		text, err := os.ReadFile(filepath.Join(e.Dir, name))
		require.NoError(t, err)
		require.NotContains(t, string(text), marker, name)
	}
}

// TestBrowserSurvivesAnOutage: a browser's EventSource gives up for good on a 502,
// and comes back by itself with ours.
func TestBrowserSurvivesAnOutage(t *testing.T) {
	t.Parallel()
	b := newBellhop(t)
	blank := change{site, "location = /v1/stream {", "location = /blank { default_type text/html; return 200 page; }\nlocation = /v1/stream {"}
	right := newEdge(t, []string{addr(b)}, nil, blank)
	wrong := newEdge(t, []string{addr(b)}, nil, blank, change{site, "error_page 502 503 504 = @come_back;", ""})
	first := testenv.Chromium(t)
	second, closeSecond := chromedp.NewContext(first)
	defer closeSecond()
	const open = `window.got = 0; window.es = new EventSource(%q); es.addEventListener("note", () => got++); true`
	ours := page{t, first}
	theirs := page{t, second}
	ours.open(right.URL()+"/blank", fmt.Sprintf(open, openNews))
	theirs.open(wrong.URL()+"/blank", fmt.Sprintf(open, openNews))
	for _, p := range []page{ours, theirs} {
		await(t, "the stream is open", func() bool { return p.number("es.readyState") == 1 })
	}

	b.Kill(t)
	await(t, "the wrong one has given up", func() bool { return theirs.number("es.readyState") == 2 })
	await(t, "ours was told when to come back", func() bool {
		return regexp.MustCompile(`"GET /v1/stream HTTP/1.1" 200 .* 502 `).MatchString(right.accessLog(t))
	})
	b.Start(t)
	await(t, "ours is open again", func() bool { return ours.number("es.readyState") == 1 })
	publish(t, b.URL, "topic:news")
	await(t, "the event", func() bool { return ours.number("got") == 1 })
	require.Equal(t, 2, theirs.number("es.readyState"))
}
