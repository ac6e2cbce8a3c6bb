package hub

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/store"
)

// TestRevocationIsHeardFromTheTail within a period of it, and at once after a
// hint of the bus.
func TestRevocationIsHeardFromTheTail(t *testing.T) {
	for name, hint := range map[string]bool{"tail alone": false, "hint": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var heard atomic.Int64
				r := newRig(t, func(c *Config) { c.Revoked = func() { heard.Add(1) } })
				c := r.live(inbox)
				c.read()
				wait := 2200 * time.Millisecond
				r.log.change(func(p *life) {
					p.addCommit(p.nextID, store.Change{Channel: inbox, Revoke: true})
					p.nextID++
				})
				if hint {
					wait = 50 * time.Millisecond
					r.bus.handler.Message(fanout.Message{Channel: inbox})
				}
				<-time.After(wait)
				require.EqualValues(t, 1, heard.Load())
				require.Empty(t, c.read(), "the channel itself is as it was")
			})
		})
	}
}

func TestStreamsOfRevokedTokensEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		of := func(subject string) *client {
			return r.open(Request{Channels: []event.Channel{inbox}, User: subject})
		}
		mina, zoe, nobody := of("mina"), of("zoe"), r.open(Request{Channels: []event.Channel{inbox}})
		mina.wait(time.Second)
		require.Equal(t, 1, r.hub.EndRevoked(func(user string, _ time.Time) bool { return user == "mina" }))
		blocks := mina.wait(time.Second)
		require.Equal(t, "bellhop.expired", blocks[len(blocks)-1].event)
		require.True(t, mina.ended)
		for _, c := range []*client{zoe, nobody} {
			c.wait(time.Second)
			require.False(t, c.ended)
		}
	})
}
