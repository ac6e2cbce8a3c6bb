package hub

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

// What all rings hold has a bound as well: they keep events for less long, and
// those who reconnect are served from the log.
func TestRingsAreBoundedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const people, total = 50, 40_000
		r := newRig(t, func(c *Config) { c.RingTotal = total })
		for i := range people {
			r.live(event.Channel(fmt.Sprint("user:", i)))
		}
		all := func() { // an event for each
			for i := range people {
				r.publish(event.Channel(fmt.Sprint("user:", i)))
			}
		}
		held := func() (bytes int) {
			r.hub.held(func(c *channel) {
				bytes += memory(c).Bytes
			})
			return bytes
		}
		for range 5 {
			all()
		}
		full := held()
		require.Greater(t, full, total, "the bound is reached")
		for range 20 { // as much again every five seconds
			<-time.After(time.Second)
			all()
		}
		require.Less(t, held(), 2*total)
		<-time.After(time.Second)
		synctest.Wait()
		require.InDelta(t, held(), value(t, r.hub.metrics.recent), 0)
		c := r.join("0.e1@user:7", "user:7")
		require.Len(t, c.wait(time.Second), 26, "25 events and bellhop.ready")

		<-time.After(40 * time.Second)
		require.Zero(t, held())
		require.Equal(t, 30*time.Second, r.hub.limits.NextAge(29*time.Second, 0, total))
		require.Equal(t, time.Second, r.hub.limits.NextAge(2*time.Second, 100*total, total))
	})
}

// Frames leave a ring by their age, not only when the channel goes quiet.
func TestRingOfABusyChannelForgetsWhatIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.live(inbox)
		for range 60 {
			r.publish(inbox)
			<-time.After(time.Second)
		}
		n, base := memory(r.hub.find(inbox)).Frames, memory(r.hub.find(inbox)).Above
		require.InDelta(t, 31, n, 2)
		require.EqualValues(t, 60-n, base)
		require.Equal(t, "60.e1@user:1", func() string {
			back := r.join("10.e1@user:1", inbox)
			require.Len(t, back.wait(time.Second), 51)
			return back.id
		}())
	})
}

func TestRingsAreBoundedInBytesAndAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.RingBytes = 400 })
		r.live(inbox)
		for range 20 {
			r.publish(inbox)
		}
		kept := func() (frames, bytes int) {
			m := memory(r.hub.find(inbox))
			return m.Frames, m.FrameBytes
		}
		frames, bytes := kept()
		require.Positive(t, frames)
		require.LessOrEqual(t, bytes, 400)
		<-time.After(35 * time.Second)
		frames, bytes = kept()
		require.Zero(t, frames)
		require.Zero(t, bytes)
	})
}
