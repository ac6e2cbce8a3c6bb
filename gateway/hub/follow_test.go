package hub

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/gateway/hub/track"
)

// live opens a stream without a cursor and reads its ready.
func (r *rig) live(channels ...event.Channel) *client {
	r.t.Helper()
	c := r.join("", channels...)
	c.expect(100*time.Millisecond, ready)
	return c
}

func TestHoleIsFilledFromTheLogOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		a, b := r.live(inbox), r.live(inbox)
		_, before := r.log.queries()
		r.log.add(inbox) // lost on the bus
		r.log.add(inbox)
		r.publish(inbox)
		a.expect(0)
		a.expect(60*time.Millisecond, "user:1#1", "user:1#2", "user:1#3")
		b.expect(0, "user:1#1", "user:1#2", "user:1#3")
		_, after := r.log.queries()
		require.Equal(t, 1, after-before)
	})
}

func TestReorderedMessagesNeedNoLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		m1, m2, m3 := r.log.add(inbox), r.log.add(inbox), r.log.add(inbox)
		r.bus.send(m3)
		r.bus.send(m1)
		c.expect(0, "user:1#1")
		r.bus.send(m2)
		r.bus.send(m2) // twice
		r.bus.send(m1)
		c.expect(time.Second, "user:1#2", "user:1#3")
		_, ranges := r.log.queries()
		require.Zero(t, ranges)
	})
}

func TestMoreFramesBeyondAHoleThanAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		r.log.add(inbox) // lost
		for range 3 * track.MaxAhead {
			r.publish(inbox)
		}
		require.Equal(t, track.MaxAhead, memory(r.hub.find(inbox)).Ahead)
		got := c.wait(time.Second)
		require.Len(t, got, 3*track.MaxAhead+1)
		require.Equal(t, "193.e1@user:1", c.id)
	})
}

// What a hole had held was trimmed before it could be filled.
func TestTrimBeforeAFillIsAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		for range 3 {
			r.log.add(inbox) // lost on the bus
		}
		r.log.trim(inbox, 2)
		r.log.sync()
		r.publish(inbox)
		c.expect(time.Second, `reset {"channel":"user:1","from":1,"to":2}`, "user:1#3", "user:1#4")
	})
}

// A fill that races the bus writes nothing twice.
func TestFillRacesTheBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		m1 := r.log.add(inbox)
		r.log.set(func(l *fakeLog) { l.onRange = func() { r.bus.send(m1) } })
		r.publish(inbox)
		c.expect(time.Second, "user:1#1", "user:1#2")
	})
}

// What comes between the head read of the first join and its answer is not
// lost, though no position is known then.
func TestMessageBeforeTheHeadIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.log.set(func(l *fakeLog) {
			l.onHeads = func([]event.Channel) {
				l.set(func(l *fakeLog) { l.onHeads = nil })
				r.publish(inbox)
			}
		})
		r.join("0.e1@user:1", inbox).expect(time.Second, ready, "user:1#1")
	})
}

// An answer is shared only with those who asked before its query started.
func TestJoinIsNotAnsweredByAQueryUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.bus.manual = true
		gate := make(chan struct{})
		r.log.set(func(l *fakeLog) { l.onHeads = func([]event.Channel) { <-gate } })
		first := r.join("", inbox)
		r.bus.handler.Subscribed(inbox)
		first.expect(0)
		// Committed after the query of the first; another gateway delivered it.
		// The bus dropped it on the way here.
		r.log.add(inbox)
		second := r.join("1.e1@user:1", inbox)
		second.expect(0)
		close(gate)
		second.expect(time.Second, ready)
		first.expect(0, "user:1#1", ready)
	})
}

// A head read counts for a join only if it started after the subscription was
// acknowledged.
func TestHeadIsReadAfterTheAcknowledgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.bus.manual = true
		c := r.join("", inbox)
		c.expect(time.Second)
		heads, _ := r.log.queries()
		require.Zero(t, heads)
		r.log.add(inbox) // not heard: the subscription is not there yet
		r.bus.handler.Subscribed(inbox)
		c.expect(0, ready)
		require.Equal(t, "1.e1@user:1", c.id)
	})
}

// A gateway that is behind another one waits for its own hub; it does not reset.
func TestClientAheadOfThisGatewayIsNotReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.live(inbox)
		r.log.add(inbox)
		r.log.add(inbox) // both lost here, delivered elsewhere
		c := r.join("2.e1@user:1", inbox)
		c.expect(time.Second, ready)
		r.publish(inbox)
		c.expect(0, "user:1#3")
	})
}

// A message about something that was never committed changes nothing.
func TestAnnouncementOfNothing(t *testing.T) {
	for name, frame := range map[string]event.Frame{"frame": event.Frame("event: x\ndata: {}\n"), "no frame": nil} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				c := r.live(inbox)
				r.bus.send(fanout.Message{Channel: inbox, Epoch: "e1", Seq: 40, Frame: frame})
				c.expect(time.Second)
				r.publish(inbox)
				c.expect(0, "user:1#1")
				before, _ := r.log.queries()
				<-time.After(10 * time.Second)
				after, _ := r.log.queries()
				require.Equal(t, before, after, "the question was settled")
			})
		})
	}
}

func TestSlowStreamReadsOnFromTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		for range 1000 {
			r.publish(inbox)
		}
		got := c.wait(time.Second) // it did not read meanwhile
		require.Len(t, got, 1000)
		require.Equal(t, "1000.e1@user:1", c.id)
	})
}
