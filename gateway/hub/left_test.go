package hub

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// TestWhoComesBackTellsHowFarRetentionIs: how many events it has yet to take before that
// client loses one. Who missed nothing tells nothing, nor a channel that is whole.
func TestWhoComesBackTellsHowFarRetentionIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		sums := func() (count uint64, sum float64) {
			var m dto.Metric
			require.NoError(t, r.hub.metrics.left.WithLabelValues("user").(prometheus.Histogram).Write(&m))
			return m.GetHistogram().GetSampleCount(), m.GetHistogram().GetSampleSum()
		}
		for range 10 {
			r.log.add(inbox)
		}
		r.join("5.e1@user:1", inbox).wait(time.Second)
		require.Zero(t, testutil.CollectAndCount(r.hub.metrics.left), "the channel is whole")

		r.log.trim(inbox, 5)
		var total float64
		for i, c := range []struct {
			cursor string
			want   float64 // events
		}{{"7.e1@user:1", 3}, {"5.e1@user:1", 1}, {"4.e1@user:1", 0}} {
			r.join(c.cursor, inbox).wait(time.Second)
			count, sum := sums()
			require.EqualValues(t, i+1, count, c.cursor)
			require.InDelta(t, total+c.want, sum, 0, c.cursor)
			total += c.want
		}
		for _, cursor := range []string{"", "10.e1@user:1", "7.e0@user:1"} {
			r.join(cursor, inbox).wait(time.Second)
			count, _ := sums()
			require.EqualValues(t, 3, count, cursor)
		}

		slow := r.join("", inbox)
		slow.wait(time.Second)
		for range 2000 { // more than memory holds
			r.publish(inbox)
		}
		r.log.trim(inbox, 8)
		slow.wait(time.Second)
		count, sum := sums()
		require.Greater(t, count, uint64(3), "it fell behind while it was live")
		require.GreaterOrEqual(t, sum, total+3)
	})
}
