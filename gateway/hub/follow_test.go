package hub

import (
	"fmt"
	"maps"
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

// Deleted events leave the ring with the hint that announces the deletion.
func TestRingDoesNotReplayWhatWasDeleted(t *testing.T) {
	for _, way := range []string{"bus", "tail"} {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.live(inbox)
				r.publish(inbox)
				r.publish(inbox)
				hint := r.log.erase(inbox, 1)
				if way == "bus" {
					r.bus.send(hint)
				} else {
					<-time.After(3 * time.Second)
				}
				r.join("0.e1@user:1", inbox).expect(time.Second, "user:1#2", ready)
			})
		})
	}
}

// The deletion is announced before the event itself is: two processes publish.
func TestLateFrameOfADeletedEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		first, second := r.log.add(inbox), r.log.add(inbox)
		r.bus.send(r.log.erase(inbox, 1))
		r.bus.send(first)
		r.bus.send(second)
		c.expect(time.Second, "user:1#2")
		r.join("0.e1@user:1", inbox).expect(time.Second, "user:1#2", ready)
		r.publish(inbox)
		c.expect(0, "user:1#3")
	})
}

// A hole was being filled when something in it was deleted: what the log said
// before must not stay in the ring.
func TestRingForgetsAFillThatADeletionOvertook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		r.log.add(inbox) // lost on the bus
		r.log.set(func(l *fakeLog) {
			l.onRange = func() {
				l.set(func(l *fakeLog) { l.onRange = nil })
				r.bus.send(r.log.erase(inbox, 1))
			}
		})
		r.publish(inbox)
		c.expect(time.Second, "user:1#2")
		r.join("0.e1@user:1", inbox).expect(time.Second, "user:1#2", ready)
	})
}

// A replica that has the event, but not yet its deletion, is behind.
func TestReplayIsNotBehindADeletion(t *testing.T) {
	for name, ch := range map[string]event.Channel{"inbox": inbox, "other channel": "room:a"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				for range 3 {
					r.log.add(ch)
				}
				r.log.sync()
				r.log.erase(ch, 2) // before anybody came
				c := r.join("0", ch)
				c.expect(time.Second, string(ch)+"#1", string(ch)+"#3", ready)
				r.bus.send(r.log.erase(ch, 3))
				r.join("0", ch).expect(time.Second, string(ch)+"#1", ready)
			})
		})
	}
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
