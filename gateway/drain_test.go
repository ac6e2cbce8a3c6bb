package gateway_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway"
)

// A deploy: each stream is told, ends properly, and nobody is let in any more.
func TestDrain(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *gateway.Config) { c.Drain = 50 * time.Millisecond })
	var streams []*sse
	for range 5 {
		s := r.stream("/v1/stream?channel=topic:a").greeted()
		s.expect("bellhop.ready")
		streams = append(streams, s)
	}
	r.stop() // what SIGTERM does
	for _, s := range streams {
		b := s.expect("bellhop.drain")
		require.NotEmpty(t, b.retry)
		require.NotEmpty(t, b.id)
		s.ended()
	}
	select {
	case err := <-r.done:
		require.NoError(t, err)
	case <-time.After(patience):
		require.FailNow(t, "the server did not end")
	}
}

// TestDrainLetsItselfBeNoticed: for a while streams are taken as before, and nobody is
// told to go; only /readyz says what is to come. Then they are refused.
func TestDrainLetsItselfBeNoticed(t *testing.T) {
	t.Parallel()
	const delay = 500 * time.Millisecond
	r := newDelayedRig(t, delay, func(c *gateway.Config) { c.Drain = time.Hour })
	early := r.stream("/v1/stream?channel=topic:a").greeted()
	early.expect("bellhop.ready")
	began := time.Now()
	r.stop()
	require.Eventually(t, func() bool { return r.get("/readyz").StatusCode == http.StatusServiceUnavailable }, patience, time.Millisecond)
	late := r.stream("/v1/stream?channel=topic:a").greeted()
	late.expect("bellhop.ready")
	told := make(chan *sse, 2)
	for _, s := range []*sse{early, late} {
		go func() {
			if b, ok := <-s.blocks; ok && b.event == "bellhop.drain" {
				told <- s
			}
		}()
	}
	<-told // one of the two has its turn at once, the other within the hour
	require.GreaterOrEqual(t, time.Since(began), delay)
	s := r.stream("/v1/stream?channel=topic:a")
	require.True(t, s.resp.Close, "a client that kept its connection goes elsewhere too")
	s.refused("draining")
	early.leave()
	late.leave()
}

// refused checks that the stream says only that, and when to come back, and ends.
func (s *sse) refused(why string) {
	s.t.Helper()
	require.Equal(s.t, "text/event-stream", s.resp.Header.Get("Content-Type"))
	b := s.expect("bellhop.refused")
	require.JSONEq(s.t, `{"reason":"`+why+`","retry":`+b.retry+`}`, b.data)
	require.Empty(s.t, b.id, "the client keeps its cursor")
	retry, err := strconv.Atoi(b.retry)
	require.NoError(s.t, err)
	require.True(s.t, 1000 <= retry && retry < 5000, "retry: %d", retry)
	s.ended()
}

// refusedBothWays checks what a client is told, and a proxy that can go elsewhere.
func (r *rig) refusedBothWays(path, why string, headers ...header) {
	r.t.Helper()
	before := max(0, r.counted("bellhop_streams_refused_total", why))
	r.stream(path, headers...).refused(why)
	for _, value := range []string{"", "200", "503, 503", "yes"} { // says nothing that we know
		r.stream(path, append(headers, header{"X-Bellhop-Failover", value})...).refused(why)
	}
	require.Equal(r.t, http.StatusOK, r.do(http.MethodHead, path, headers...).StatusCode)
	resp := r.get(path, append(headers, header{"X-Bellhop-Failover", "503"}, header{"Origin", app})...)
	problem(r.t, resp, http.StatusServiceUnavailable)
	retry, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	require.NoError(r.t, err)
	require.Positive(r.t, retry)
	require.Equal(r.t, app, resp.Header.Get("Access-Control-Allow-Origin"))
	require.GreaterOrEqual(r.t, r.counted("bellhop_streams_refused_total", why), before+6)
}

func TestDrainingRefusesStreams(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.gateway.Drain(t.Context())
	r.refusedBothWays("/v1/stream?channel=topic:a", "draining")
	r.gateway.Drain(t.Context()) // a second one does no harm
}

func TestCapacity(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *gateway.Config) { c.MaxStreams = 1 })
	s := r.stream("/v1/stream?channel=topic:a").greeted()
	r.stream("/v1/stream?channel=topic:a").refused("capacity")
	resp := r.get("/v1/stream?channel=topic:a", header{"X-Bellhop-Failover", "503"})
	problem(t, resp, http.StatusServiceUnavailable)
	require.NotEmpty(t, resp.Header.Get("Retry-After"))
	require.Equal(t, 2, r.counted("bellhop_streams_refused_total", "capacity"))
	s.leave()
	require.Eventually(t, func() bool { return r.openStreams() == 0 }, patience, time.Millisecond)
	r.stream("/v1/stream?channel=topic:a").greeted().leave()
}
