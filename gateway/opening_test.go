package gateway_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/gateway"
	"github.com/bellhop/bellhop/gateway/hub"
	"github.com/bellhop/bellhop/gateway/limit"
)

// doorman is a limit.Counter with room for everybody. It is asked after a stream's
// request was judged and before the stream is known to anybody: a test's moment.
type doorman struct {
	asked  func()
	places atomic.Int64 // taken
}

func (d *doorman) Acquire(context.Context, string, int) bool {
	d.asked()
	d.places.Add(1)
	return true
}

func (d *doorman) Release(string) { d.places.Add(-1) }
func (d *doorman) Close() error   { return nil }

func (d *doorman) guards(c *gateway.Config) {
	c.Limits = limit.NewGuard(limit.Config{Streams: d, UserStreams: 9, AddressStreams: 1})
	c.Proxies, _ = limit.ParseProxies([]string{"127.0.0.0/8"})
}

// leftNothing checks that a stream that did not open gave back what it had taken.
func (d *doorman) leftNothing(r *rig) {
	r.t.Helper()
	require.Zero(r.t, r.openStreams())
	require.Zero(r.t, d.places.Load())
	s := r.stream("/v1/stream?channel=topic:a", client("203.0.113.9")).greeted()
	s.leave()
}

// TestRevocationWhileAStreamOpens: neither the look at the token nor the end of the
// streams that were known has seen the other.
func TestRevocationWhileAStreamOpens(t *testing.T) {
	t.Parallel()
	d := new(doorman)
	r, revocations, _ := revokingRig(t, false, d.guards)
	d.asked = func() {
		if r.log.Revoke(t.Context(), "user:mina") != nil {
			return // the stream opens, which is not what is expected
		}
		for range patience / time.Millisecond {
			if revocations.Cover("mina", time.Time{}) {
				return
			}
			revocations.Soon()
			<-time.After(time.Millisecond)
		}
	}
	resp := r.get("/v1/stream", bearer(token(t, "mina")), client("203.0.113.9"))
	p := problem(t, resp, http.StatusUnauthorized)
	require.Equal(t, auth.ErrTokenRevoked.Error(), p["detail"])
	require.Equal(t, 1, r.counted("bellhop_streams_refused_total", "unauthorized"))
	d.leftNothing(r)
}

// TestDrainWhileAStreamOpens: the hub drains since the request was judged.
func TestDrainWhileAStreamOpens(t *testing.T) {
	t.Parallel()
	d := new(doorman)
	var h *hub.Hub
	r := newRig(t, func(c *gateway.Config) {
		d.guards(c)
		h = c.Hub
	})
	d.asked = func() { h.Drain(t.Context(), 0) }
	r.stream("/v1/stream", bearer(token(t, "mina")), client("203.0.113.9")).refused("draining")
	require.Equal(t, 1, r.counted("bellhop_streams_refused_total", "draining"))
	require.Zero(t, r.openStreams())
	require.Zero(t, d.places.Load())
}
