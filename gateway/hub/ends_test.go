package hub

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/gateway/hub/track"
)

// What metrics count is why a stream ended, not that the hub ended it.
func TestHubSaysWhyItEndsAStream(t *testing.T) {
	for want, end := range map[conn.Reason]func(r *rig, s *Stream){
		ReasonDrain:   func(_ *rig, s *Stream) { s.tell(departure) },
		ReasonExcess:  func(r *rig, _ *Stream) { require.Equal(r.t, 1, r.hub.EndExcess("1", 1)) },
		ReasonRevoked: func(r *rig, _ *Stream) { r.hub.EndRevoked(func(string, time.Time) bool { return true }) },
		ReasonBackwards: func(r *rig, _ *Stream) {
			r.log.change(func(p *life) { p.channels[inbox] = fakeChannel{} })
			r.hub.find(inbox).ask(track.Ask)
		},
	} {
		t.Run(string(want), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				c := r.open(Request{Channels: []event.Channel{inbox}, Inbox: true, User: "1"})
				c.read()
				r.publish(inbox)
				c.read()
				require.Equal(t, conn.ReasonEnd, c.stream.Why(), "it has not ended")
				end(r, c.stream)
				c.wait(time.Second)
				require.True(t, c.ended)
				require.Equal(t, want, c.stream.Why())
			})
		})
	}
}
