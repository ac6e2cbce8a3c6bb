package hub

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

func TestKeptChannelWaitsWhileItsLogIsAway(t *testing.T) {
	for name, hangs := range map[string]bool{"refuses": false, "hangs": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newKeptRig(t, Rules{})
				r.kept.add(raffle, "note")
				r.kept.add(raffle, "note")
				r.log.add(inbox)
				r.kept.set(func(k *fakeKept) { k.away, k.hangs = true, hangs })

				brought := r.join("0.e1@user:1,1.k1@raffle:1", inbox, raffle)
				brought.expect(1200*time.Millisecond, "user:1#1", `ready {"waiting":["raffle:1"]}`)
				require.Equal(t, "1.e1@user:1,1.k1@raffle:1", brought.id)
				// From now on it is known to be away: nobody has to wait for it.
				none := r.join("", topic, inbox, raffle)
				none.expect(50*time.Millisecond, `ready {"waiting":["topic:1","raffle:1"]}`)
				require.Equal(t, "0@topic:1,1.e1@user:1,0@raffle:1", none.id)
				require.InDelta(t, 3, gauge(t, r.hub.metrics.waiting), 0)
				r.publish(inbox)
				brought.expect(50*time.Millisecond, "user:1#2")
				none.expect(0, "user:1#2")

				r.kept.set(func(k *fakeKept) { k.away = false })
				brought.expect(3*time.Second, "raffle:1#2", ready)
				none.expect(0, "raffle:1#1", "raffle:1#2", ready)
				require.Equal(t, "0@topic:1,2.e1@user:1,2.k1@raffle:1", none.id)
				require.InDelta(t, 0, gauge(t, r.hub.metrics.waiting), 0)
			})
		})
	}
}

// The log comes back without anything: whoever had a position is told, once.
func TestKeptLogComesBackEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{})
		r.kept.add(raffle, "note")
		live := r.live(raffle)
		r.kept.set(func(k *fakeKept) { k.away = true })
		r.bus.handler.Suspect(true)
		live.expect(3 * time.Second)
		waits := r.join("1.k1@raffle:1", raffle)
		waits.expect(time.Second, `ready {"waiting":["raffle:1"]}`)
		gone := r.join("", raffle)
		gone.expect(time.Second, `ready {"waiting":["raffle:1"]}`)
		gone.close()
		require.InDelta(t, 1, gauge(t, r.hub.metrics.waiting), 0)

		r.kept.flush()
		r.kept.set(func(k *fakeKept) { k.away = false })
		r.bus.handler.Suspect(false)
		live.expect(3*time.Second, raffleReset)
		waits.expect(0, raffleReset, ready)
		r.say(raffle, "note")
		live.expect(time.Second, "raffle:1#1")
		waits.expect(0, "raffle:1#1")
	})
}

// A channel that a client has is never said to wait: what it brought was judged.
func TestLiveChannelDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{})
		c := r.live(raffle)
		r.say(raffle, "note")
		c.expect(time.Second, "raffle:1#1")
		r.kept.evict(raffle)
		first := r.kept.add(raffle, "note")
		r.kept.set(func(k *fakeKept) {
			k.onHeads = func() { k.set(func(k *fakeKept) { k.away, k.onHeads = true, nil }) }
		})
		r.bus.send(first) // the new life is found out, and then nobody can be judged by it
		c.expect(3 * time.Second)
		require.InDelta(t, 0, gauge(t, r.hub.metrics.waiting), 0)
		r.kept.set(func(k *fakeKept) { k.away = false })
		c.expect(3*time.Second, raffleReset, "raffle:1#1")
	})
}

// Nobody acknowledges for a long time, and clients come and go: those who went are
// not remembered.
func TestWhoLeftIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.bus.manual = true
		for range 3 {
			r.join("", inbox).close()
		}
		_, nothing := r.hub.find(inbox).Memory()
		require.True(t, nothing)
	})
}

// What is asked of one log does not wait for the other.
func TestLogsDoNotHoldEachOtherUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{})
		r.log.set(func(l *fakeLog) {
			l.away, l.replica = true, nil
			l.onHeads = func([]event.Channel) { <-time.After(4 * time.Second) }
		})
		r.join("", inbox).expect(time.Second)
		c := r.join("", raffle)
		c.expect(50*time.Millisecond, ready)
		r.say(raffle, "note")
		c.expect(150*time.Millisecond, "raffle:1#1")

		r.log.set(func(l *fakeLog) { l.away, l.onHeads = false, nil })
		r.kept.set(func(k *fakeKept) { k.away, k.hangs = true, true })
		<-time.After(3 * time.Second)
		c = r.join("", inbox)
		c.expect(50*time.Millisecond, ready)
	})
}

// Redis is the bus as well. Without it nobody acknowledges a subscription, and
// the database's channels are joined all the same: the tail stands in for it.
func TestJoinsGoOnWithoutTheBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{})
		r.log.add(inbox)
		r.bus.manual = true
		early := r.join("0.e1@user:2", "user:2")
		early.expect(time.Second)
		r.kept.set(func(k *fakeKept) { k.away = true })
		r.bus.handler.Suspect(true)
		early.expect(time.Second, ready)
		c := r.join("0.e1@user:1", inbox, raffle)
		c.expect(time.Second, "user:1#1", `ready {"waiting":["raffle:1"]}`)
		r.log.add(inbox)
		c.expect(400*time.Millisecond, "user:1#2")
		r.log.add(inbox)
		r.kept.set(func(k *fakeKept) { k.away = false })
		for _, ch := range []event.Channel{inbox, raffle, "user:2"} {
			r.bus.handler.Subscribed(ch)
		}
		r.bus.handler.Suspect(false)
		require.ElementsMatch(t, []string{"user:1#3", ready}, short(c.wait(2*time.Second)))
	})
}
