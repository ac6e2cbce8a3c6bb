package hub

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fleet"
	"github.com/bellhop/bellhop/gateway/conn"
)

// TestAskingWhoLeftWaitsForNoChannel: an event is noted with its channel locked, and so
// nobody who reads the notes may wait for a channel. Together they would stop the gateway.
func TestAskingWhoLeftWaitsForNoChannel(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Remember = 100 })
	s, err := r.hub.Open(Request{Channels: []event.Channel{inbox}, User: "1"})
	require.NoError(t, err)
	s.Start(conn.WakeFunc(func() {}), 0)
	c := r.hub.find(inbox)
	s.Close(conn.ReasonClient)
	c.mu.Lock() // as while an event comes
	said := make(chan fleet.Person, 1)
	go func() { said <- r.hub.LookPerson(t.Context(), "1") }()
	var p fleet.Person
	select {
	case p = <-said:
	case <-time.After(10 * time.Second):
	}
	c.mu.Unlock()
	require.Len(t, p.Ended, 1, "the one who asked waits for the channel")
}
