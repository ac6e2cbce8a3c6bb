package webtest

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

var (
	heldEvents = flag.Int("held.events", 5, "events that come through a proxy that holds responses back")
	heldIdle   = flag.Duration("held.idle", 0, "how long its requests are counted while nothing happens")
)

// holdBack is a proxy that passes a response on once it has ended, as virus scanners
// and the gateways of companies do. Its count is of requests for streams.
func holdBack(t *testing.T, addr string) (base string, streams *atomic.Int64) {
	t.Helper()
	streams = new(atomic.Int64)
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: addr})
	proxy.ModifyResponse = func(resp *http.Response) error {
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		resp.Body = io.NopCloser(bytes.NewReader(body))
		resp.ContentLength = int64(len(body))
		resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
		return nil
	}
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/stream") {
			streams.Add(1)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.CloseClientConnections)
	t.Cleanup(front.Close)
	return front.URL, streams
}

// TestEventsPassAProxyThatHoldsResponsesBack: the list and the first event within 45 s
// of the start, every further one within 10 s, by long polls, in each engine.
func TestEventsPassAProxyThatHoldsResponsesBack(t *testing.T) {
	t.Parallel()
	for _, browser := range testenv.Browsers() {
		t.Run(browser.Name, func(t *testing.T) {
			h := newHouse(t)
			base, streams := holdBack(t, h.network.Addr)
			p := tab{browser.Start(t), t, h}
			h.publish("held", texts(1, 1)...)
			began := time.Now()
			p.Go(base + "/index.html?" + as("held"))
			p.within(45*time.Second, "window.client?.items.length === 1")
			list := time.Since(began)
			h.publish("held", texts(2, 2)...)
			p.within(45*time.Second-time.Since(began), "window.client?.items.length === 2")
			first := time.Since(began)
			p.within(45*time.Second, `client.status.state === "live"`)
			require.Contains(t, p.Evaluate("client.status"), "poll", "the state says how")
			var took []time.Duration
			for i := range *heldEvents {
				sent := time.Now()
				h.publish("held", texts(3+i, 3+i)...)
				p.within(10*time.Second, fmt.Sprintf("client.items[0].seq === %d", 3+i))
				took = append(took, time.Since(sent))
			}
			require.Equal(t, strconv.Itoa(2+*heldEvents), p.Evaluate("client.unread"))
			slices.Sort(took)
			t.Logf("%s: list after %v, first event after %v, each further one: p50 %v, p99 %v", browser.Name,
				list.Round(time.Millisecond), first.Round(time.Millisecond), took[len(took)/2].Round(time.Millisecond), took[len(took)*99/100].Round(time.Millisecond))
			if *heldIdle > 0 {
				before := streams.Load()
				<-time.After(*heldIdle)
				t.Logf("%s: %.1f requests a minute while nothing happens", browser.Name, float64(streams.Load()-before)/heldIdle.Minutes())
			}
		})
	}
}

// within is until with a bound of its own.
func (p tab) within(limit time.Duration, expression string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return p.Evaluate(expression) == "true" }, limit, tick,
		"%s; seen: %s", expression, later(func() string { return p.Evaluate("[window.client?.status, window.client?.inbox]") }))
}
