package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway"
	"github.com/bellhop/bellhop/gateway/limit"
)

// limitedRig is a gateway with limits.
func limitedRig(t *testing.T, cfg limit.Config, proxies ...string) *rig {
	t.Helper()
	trusted, err := limit.ParseProxies(proxies)
	require.NoError(t, err)
	return newRig(t, func(c *gateway.Config) {
		c.Limits, c.Proxies = limit.NewGuard(cfg), trusted
	})
}

// requireRefused reads a stream that is refused: it is 200, ends properly, tells
// the reason, and does not touch the client's cursor.
func requireRefused(t *testing.T, resp *http.Response, why limit.Reason) {
	t.Helper()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	_, text, _ := strings.Cut(strings.TrimSuffix(string(body), "\n\n"), "retry: ")
	retry, err := strconv.Atoi(text)
	require.NoError(t, err, "%s", body)
	require.Equal(t, fmt.Sprintf("event: bellhop.refused\ndata: {\"reason\":%q,\"retry\":%d}\nretry: %[2]d\n\n", why, retry), string(body))
	require.GreaterOrEqual(t, retry, 30_000)
	require.LessOrEqual(t, retry, 90_000)
}

// TestLimitHoldsOverTheFleet: 200 who connect at once to two gateways, one person
// all of them, leave exactly 32 streams.
func TestLimitHoldsOverTheFleet(t *testing.T) {
	t.Parallel()
	const comers, most = 200, 32
	fleet := new(limit.Memory)
	rigs := make([]*rig, 2)
	for i := range rigs {
		rigs[i] = limitedRig(t, limit.Config{Streams: fleet.Join(), UserStreams: most})
	}
	person := bearer(token(t, "mina"))
	var opened, refused atomic.Int64
	var all sync.WaitGroup
	for i := range comers {
		all.Go(func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, rigs[i%2].url+"/v1/stream", http.NoBody)
			if err != nil {
				return
			}
			req.Header.Set(person[0], person[1])
			resp, err := rigs[i%2].client.Do(req)
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = resp.Body.Close() })
			first := make([]byte, 5)
			if _, err := io.ReadFull(resp.Body, first); err != nil {
				return
			}
			if string(first) == "event" {
				refused.Add(1)
			} else {
				opened.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, most, opened.Load())
	require.EqualValues(t, comers-most, refused.Load())
	require.Equal(t, most, rigs[0].openStreams()+rigs[1].openStreams())
	require.Equal(t, comers-most, rigs[0].counted("bellhop_streams_refused_total", string(limit.User))+
		rigs[1].counted("bellhop_streams_refused_total", string(limit.User)))
}

func TestPlaceOfAStreamComesBack(t *testing.T) {
	t.Parallel()
	r := limitedRig(t, limit.Config{Streams: new(limit.Memory).Join(), UserStreams: 1, AddressStreams: 2})
	person := bearer(token(t, "mina"))
	first := r.get("/v1/stream", person)
	requireRefused(t, r.get("/v1/stream", person), limit.User)
	require.NoError(t, first.Body.Close())
	require.Eventually(t, func() bool { return r.openStreams() == 0 }, patience, 5*time.Millisecond)
	again := r.get("/v1/stream", person)
	first4 := make([]byte, 4)
	_, err := io.ReadFull(again.Body, first4)
	require.NoError(t, err)
	require.Equal(t, ": hi", string(first4))
}

// client is the header of a proxy that speaks for an address.
func client(addr string) header { return header{"X-Forwarded-For", addr} }

// TestLimitsOfAnAddress: X-Forwarded-For counts from a trusted proxy, and else
// changes nothing.
func TestLimitsOfAnAddress(t *testing.T) {
	t.Parallel()
	const path = "/v1/stream?channel=topic:a"
	behind := limitedRig(t, limit.Config{AddressStreams: 1}, "127.0.0.0/8")
	behind.get(path, client("203.0.113.9"))
	require.Equal(t, 1, behind.openStreams())
	requireRefused(t, behind.get(path, client("1.2.3.4, 203.0.113.9")), limit.Address)
	behind.get(path, client("203.0.113.10"))
	require.Equal(t, 2, behind.openStreams())
	behind.get(path)
	behind.get(path)
	require.Equal(t, 4, behind.openStreams(), "the proxy itself is no client")

	direct := limitedRig(t, limit.Config{AddressStreams: 1}, "10.0.0.0/8")
	direct.get(path, client("203.0.113.9"))
	requireRefused(t, direct.get(path, client("203.0.113.10")), limit.Address)
}

// TestAttackReplayInALoop: asking for everything again and again is refused soon,
// by 200 on streams and by 429 elsewhere.
func TestAttackReplayInALoop(t *testing.T) {
	t.Parallel()
	r := limitedRig(t, limit.Config{AddressRate: 1}, "127.0.0.0/8") // ten at once
	attacker := client("203.0.113.9")
	const loop = "/v1/stream?channel=topic:a&last_event_id=0"
	for range 40 {
		require.NoError(t, r.get(loop, attacker).Body.Close())
	}
	require.Positive(t, r.counted("bellhop_streams_refused_total", string(limit.Rate)))
	for _, request := range [][2]string{{http.MethodGet, "/v1/channels/topic:a/events"}, {http.MethodPost, "/v1/session"}} {
		var resp *http.Response
		for range 40 {
			if resp = r.do(request[0], request[1], bearer(token(t, "mina")), attacker); resp.StatusCode == http.StatusTooManyRequests {
				break
			}
			require.NoError(t, resp.Body.Close())
		}
		require.NotEmpty(t, resp.Header.Get("Retry-After"))
		problem(t, resp, http.StatusTooManyRequests)
	}
}

// TestAttackTokensAtWill: guessing tokens counts against the address's rate,
// wherever they are judged: each costs a signature, or a question to the issuer.
func TestAttackTokensAtWill(t *testing.T) {
	t.Parallel()
	const tries, burst = 40, 10
	for _, call := range [][2]string{
		{http.MethodGet, "/v1/stream"}, {http.MethodGet, "/v1/stream?channel=room:1"}, {http.MethodGet, "/v1/inbox"},
		{http.MethodGet, "/v1/channels/topic:a/events"}, {http.MethodPost, "/v1/session"}, {http.MethodDelete, "/v1/session"},
	} {
		r := limitedRig(t, limit.Config{AddressRate: 1}, "127.0.0.0/8")
		judged := 0
		for range tries {
			resp := r.do(call[0], call[1], bearer("x.y.z"), client("203.0.113.9"))
			if resp.StatusCode == http.StatusUnauthorized {
				judged++
			}
			require.NoError(t, resp.Body.Close())
		}
		require.GreaterOrEqual(t, judged, burst, "%v", call)
		require.Less(t, judged, tries, "%v", call)
		require.Equal(t, http.StatusUnauthorized, r.do(call[0], call[1], bearer("x.y.z"), client("203.0.113.10")).StatusCode)
	}
}
