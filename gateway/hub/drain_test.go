package hub

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/conn"
)

func value(t *testing.T, c prometheus.Metric) float64 {
	t.Helper()
	var m dto.Metric
	require.NoError(t, c.Write(&m))
	return m.GetCounter().GetValue() + m.GetGauge().GetValue() // it is one of the two
}

func TestDrainSpreadsTheEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var clients []*client
		for range 10 {
			clients = append(clients, r.live(inbox))
		}
		done := make(chan struct{})
		go func() {
			r.hub.Drain(context.Background(), 10*time.Second)
			close(done)
		}()
		ended := 0
		for range 10 {
			synctest.Wait()
			for _, c := range clients {
				if c.ended {
					continue
				}
				if got := c.pull(); len(got) > 0 {
					require.Equal(t, "bellhop.drain", got[0].event)
					require.NotEmpty(t, got[0].retry)
					require.Equal(t, "0.e1@user:1", got[0].id)
					require.True(t, c.ended)
					c.close()
					ended++
				}
			}
			_, err := r.hub.Open(Request{Channels: []event.Channel{inbox}})
			require.ErrorIs(t, err, ErrDraining)
			<-time.After(time.Second)
		}
		require.Equal(t, 10, ended)
		<-done
		require.Zero(t, r.hub.Streams())
	})
}

// Clients that leave by themselves are not waited for.
func TestDrainEndsWithTheLastStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var clients []*client
		for range 10 {
			clients = append(clients, r.live(inbox))
		}
		start := time.Now()
		time.AfterFunc(time.Second, func() {
			for _, c := range clients {
				c.close()
			}
		})
		r.hub.Drain(t.Context(), time.Minute)
		require.Equal(t, time.Second, time.Since(start))
		r.hub.Drain(t.Context(), time.Minute)
		require.Equal(t, time.Second, time.Since(start), "a second one has nothing to do")
	})
}

func TestDrainGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.live(inbox) // never reads
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		r.hub.Drain(ctx, time.Second)
		require.Equal(t, 1, r.hub.Streams())
	})
}

func TestLastWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		c.stream.End(conn.ReasonExpired)
		c.expect(0, "expired {}")
		require.True(t, c.ended)

		c = r.live(inbox)
		c.stream.End(conn.ReasonAge)
		c.expect(0)
		require.True(t, c.ended)

		require.Equal(t, ": hb\n\n", string(c.stream.Heartbeat()))
		s, err := r.hub.Open(Request{Channels: []event.Channel{inbox}, PingEvents: true})
		require.NoError(t, err)
		require.Equal(t, "event: bellhop.ping\ndata: {}\n\n", string(s.Heartbeat()))
		s.Close("") // was never started
		s.Close("")
	})
}
