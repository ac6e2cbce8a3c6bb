package hub

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway/hub/track"
)

// TestReplaysAreCountedBySource: from memory, or from the log; what is live is neither.
func TestReplaysAreCountedBySource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.live("user:1")
		for range 3 {
			r.publish("user:1")
		}
		require.Zero(t, value(t, r.hub.metrics.ring), "they were live")
		r.join("1.e1@user:1", "user:1").wait(time.Second)
		require.InDelta(t, 2, value(t, r.hub.metrics.ring), 0)
		require.Zero(t, r.hub.metrics.delivered[track.ViaReplay].Load())
		<-time.After(time.Minute) // the ring is gone
		r.join("1.e1@user:1", "user:1").wait(time.Second)
		require.InDelta(t, 2, value(t, r.hub.metrics.ring), 0)
		require.EqualValues(t, 2, r.hub.metrics.delivered[track.ViaReplay].Load())
	})
}
