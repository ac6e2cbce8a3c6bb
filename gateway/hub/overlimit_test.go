package hub

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

func TestStreamsTooManyEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		of := func(subject string) *client {
			return r.open(Request{Channels: []event.Channel{inbox}, User: subject})
		}
		zoe, theirs := of("zoe"), []*client{of("mina"), of("mina"), of("mina")}
		zoe.wait(time.Second)
		require.Equal(t, 2, r.hub.EndExcess("mina", 2))
		require.Equal(t, 1, r.hub.EndExcess("mina", 5), "the others end already")
		require.Zero(t, r.hub.EndExcess("mina", 1))
		require.Zero(t, r.hub.EndExcess("nobody", 1))
		for _, c := range theirs {
			blocks := c.wait(time.Second)
			farewell := blocks[len(blocks)-1]
			require.Equal(t, "bellhop.refused", farewell.event)
			require.JSONEq(t, `{"reason":"user_streams"}`, farewell.data)
			require.True(t, c.ended)
		}
		zoe.wait(time.Second)
		require.False(t, zoe.ended)
	})
}
