package hub

import (
	"fmt"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

// One operation of a channel is in flight at a time, and a channel is given up
// only after nobody listened for a while.
func TestSubscriptionsAreHeldAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.live(inbox).close()
		<-time.After(5 * time.Second)
		c := r.live(inbox)
		require.Equal(t, []string{"+user:1"}, r.bus.operations())
		c.close()
		<-time.After(12 * time.Second)
		require.Equal(t, []string{"+user:1", "-user:1"}, r.bus.operations())
		require.Nil(t, r.hub.find(inbox))
		r.live(inbox)
		require.Equal(t, []string{"+user:1", "-user:1", "+user:1"}, r.bus.operations())
	})
}

func TestRejoinWhileUnsubscribing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.live(inbox).close()
		r.bus.mu.Lock()
		r.bus.manual = true
		r.bus.mu.Unlock()
		<-time.After(12 * time.Second)
		c := r.join("0.e1@user:1", inbox)
		c.expect(time.Second)
		require.Equal(t, []string{"+user:1", "-user:1"}, r.bus.operations(), "the unsubscription is in flight")
		// A late acknowledgement of a connection made anew is not the new one.
		r.bus.handler.Subscribed(inbox)
		c.expect(time.Second)
		r.log.add(inbox)
		r.bus.handler.Unsubscribed(inbox)
		c.expect(time.Second)
		r.bus.handler.Subscribed(inbox)
		c.expect(0, "user:1#1", ready)
		require.Equal(t, []string{"+user:1", "-user:1", "+user:1"}, r.bus.operations())
	})
}

// The bus is away, for however long: a channel that nobody listens to any more is
// given up whether its subscription was acknowledged or not.
func TestChannelsAreGivenUpWhileTheBusIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		held := func() (n int) {
			r.hub.held(func(*channel) { n++ })
			return n
		}
		before := r.live(inbox)
		r.bus.handler.Suspect(true)
		r.bus.mu.Lock()
		r.bus.deaf = true
		r.bus.mu.Unlock()
		r.rush = true
		for i := range 1000 {
			r.join("", event.Channel(fmt.Sprint("topic:", i))).close()
		}
		before.close()
		stays := r.join("", raffle)
		stays.expect(time.Second, ready)
		require.Equal(t, 1002, held())
		<-time.After(12 * time.Second)
		require.Equal(t, 1, held())
		back := r.join("", inbox)
		back.expect(time.Second, ready)
		r.bus.hearAgain()
		r.bus.mu.Lock()
		subscribed := maps.Clone(r.bus.subs)
		r.bus.mu.Unlock()
		require.Equal(t, map[event.Channel]bool{raffle: true, inbox: true}, subscribed)
		r.publish(inbox)
		back.expect(0, "user:1#1")
	})
}

// Somebody comes back while the end of a subscription that nobody acknowledged is
// in flight.
func TestRejoinWhileAnUnacknowledgedSubscriptionIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.bus.manual = true
		r.join("", inbox).close()
		<-time.After(12 * time.Second)
		c := r.join("", inbox)
		r.bus.handler.Subscribed(inbox) // that of the subscription that is given up
		c.expect(time.Second)
		r.bus.handler.Unsubscribed(inbox)
		c.expect(time.Second)
		r.bus.handler.Subscribed(inbox)
		c.expect(0, ready)
		require.Equal(t, []string{"+user:1", "-user:1", "+user:1"}, r.bus.operations())
	})
}

// Nobody can be answered for a long time, and clients come and go: those who went
// are not remembered, though somebody stays.
func TestWhoLeftIsForgottenThoughOthersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.bus.manual = true
		stays := r.join("", inbox)
		r.rush = true
		for range 1000 {
			r.join("", inbox).close()
		}
		require.LessOrEqual(t, memory(r.hub.find(inbox)).Waiters, 20)
		r.bus.handler.Subscribed(inbox)
		stays.expect(time.Second, ready)
	})
}

// A subscription that was made anew may have missed something.
func TestResubscriptionLooksForWhatWasMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		r.log.add(inbox)
		r.bus.handler.Subscribed(inbox)
		c.expect(150*time.Millisecond, "user:1#1")
	})
}

func TestLostMessagesAreLookedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		r.log.add(inbox)
		r.bus.handler.Lost(inbox)
		c.expect(150*time.Millisecond, "user:1#1")
	})
}
