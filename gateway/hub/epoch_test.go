package hub

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/hub/read"
	"github.com/bellhop/bellhop/gateway/hub/track"
	"github.com/bellhop/bellhop/store"
)

const unknownReset = `reset {"channel":"user:1","from":null,"to":null}`

// A promoted replica that lacks an event: the same seq then means another one.
func TestEpochChangeResetsAndReplays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		r.publish(inbox)
		r.log.sync()
		behind := r.log.primary
		r.publish(inbox)
		c.expect(0, "user:1#1", "user:1#2")
		behind = behind.clone()
		behind.channels[inbox] = fakeChannel{events: behind.channels[inbox].events[:1], version: 1}
		r.log.failOver(behind, "e2")
		r.publish(inbox)
		c.expect(time.Second, unknownReset, "user:1#1", "user:1#2")
		require.Equal(t, "2.e2@user:1", c.id)
	})
}

// The new epoch began on another channel, and this one is quiet: the tail says
// so all the same.
func TestEpochChangeReachesQuietChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		r.publish(inbox)
		c.expect(0, "user:1#1")
		r.log.failOver(r.log.primary, "e2")
		r.log.set(func(l *fakeLog) { l.pooled = nil })
		c.expect(3*time.Second, unknownReset, "user:1#1")
	})
}

// Where one channel shows that the epoch changed, the others need no tail to hear it.
func TestEpochChangeConcernsAllChannelsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.log.add(raffle)
		c, quiet := r.live(inbox), r.live(raffle)
		r.log.failOver(r.log.primary, "e2")
		r.log.set(func(l *fakeLog) { l.tailOff = true })
		r.publish(inbox)
		c.expect(200*time.Millisecond, unknownReset, "user:1#1")
		quiet.expect(200*time.Millisecond, raffleReset, "raffle:1#1")
	})
}

// A delayed publish of the old epoch must not turn the hub back.
func TestOldEpochOnTheBusIsNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		late := r.log.add(inbox)
		r.log.failOver(&life{channels: map[event.Channel]fakeChannel{}, low: 1, nextID: 1}, "e2")
		r.publish(inbox)
		c.expect(time.Second, unknownReset, "user:1#1")
		r.bus.send(late)
		c.expect(3 * time.Second)
		r.publish(inbox)
		c.expect(0, "user:1#2")
		require.Equal(t, "2.e2@user:1", c.id)
	})
}

// A pooled connection still leads to the demoted primary, whose identity fits
// its own epoch: only a connection opened after the difference was seen counts.
func TestDemotedPrimaryIsNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.log.add(inbox)
		r.live(inbox)
		old := r.log.primary
		r.log.failOver(old, "e2")
		// Seq 2 of e2: another gateway delivered it. Here the bus lost it, and
		// the pool leads to the old primary.
		r.log.add(inbox)
		c := r.join("2.e2@user:1", inbox)
		c.expect(time.Second, ready)
		require.Equal(t, "2.e2@user:1", c.id)
		r.log.set(func(l *fakeLog) { l.pooled = old })
		c = r.join("2.e2@user:1", inbox)
		c.expect(time.Second, ready)
		require.Equal(t, event.Epoch("e2"), r.hub.confirmed())
	})
}

// The first who comes is answered by a pooled connection to the demoted primary, and
// the bus says meanwhile that another epoch has begun.
func TestEpochHeardBeforeTheHeadIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.live(raffle)
		r.log.failOver(r.log.primary, "e2")
		r.log.set(func(l *fakeLog) {
			l.tailOff = true // nothing else tells
			l.onHeads = func([]event.Channel) {
				l.set(func(l *fakeLog) { l.onHeads = nil })
				r.publish(inbox)
			}
		})
		c := r.join("", inbox)
		c.expect(time.Second, ready, unknownReset, "user:1#1")
		require.Equal(t, "1.e2@user:1", c.id)
	})
}

// An answer of the old epoch that was under way while the epoch changed.
func TestOldAnswerDoesNotTurnTheHubBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		require.True(t, r.hub.believe("e1", "", true))
		before := r.hub.confirmed()
		require.True(t, r.hub.believe("e2", before, true))
		require.False(t, r.hub.believe("e1", before, true), "the query started before the change")
		require.False(t, r.hub.believe("e1", "e2", false), "a pooled connection")
		require.True(t, r.hub.believe("e1", "e2", true), "epochs that were left are not barred")
	})
}

// Two fail-overs while a joiner waits: it waits for a head of an epoch, not for
// a number.
func TestJoinerIsJudgedAgainAfterAnEpochChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for range 5 {
			r.log.add(inbox)
		}
		r.live(raffle)
		c := r.join("0.e1@user:1", inbox) // five to replay
		r.log.set(func(l *fakeLog) {
			l.onRange = func() {
				l.set(func(l *fakeLog) { l.onRange = nil })
				r.log.failOver(&life{channels: map[event.Channel]fakeChannel{}, low: 1, nextID: 1}, "e2")
				r.log.set(func(l *fakeLog) { l.pooled = nil })
				r.publish(inbox)
			}
		})
		got := short(c.wait(3 * time.Second))
		at := slices.Index(got, unknownReset)
		require.GreaterOrEqual(t, at, 0, "%v", got)
		require.Equal(t, "user:1#1", got[at+1])
		require.Contains(t, got, ready)
		require.Equal(t, "1.e2@user:1", c.id)
	})
}

// A hole was being filled when the epoch changed: what the log said of the old one
// is not of this life.
func TestFillOfAnEarlierEpochIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		r.publish(inbox)
		c.expect(0, "user:1#1")
		behind := r.log.primary.clone()
		r.log.set(func(l *fakeLog) {
			l.onRange = func() {
				l.set(func(l *fakeLog) { l.onRange = nil })
				l.failOver(behind, "e2")
				l.set(func(l *fakeLog) { l.pooled = nil })
				r.publish(inbox) // seq 2 of e2
				<-time.After(time.Second)
			}
		})
		r.log.add(inbox) // lost on the bus
		r.publish(inbox)
		c.expect(2*time.Second, unknownReset, "user:1#1", "user:1#2")
		require.Equal(t, "2.e2@user:1", c.id)
		r.publish(inbox)
		c.expect(0, "user:1#3")
	})
}

// A page is not for a stream that asked in another epoch: that one looks again.
func TestPageOfAnotherEpochIsForNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		b := &c.stream.subs[0]
		at := b.Fetch()
		page := store.Page{Head: store.Head{Channel: inbox, Seq: 1}, Epoch: "e2", Last: 1, Events: []event.Event{{Channel: inbox, Seq: 1, Type: "note", Data: []byte("1")}}}
		r.hub.database.RangeDone(&read.Range{Own: b.ch, Range: store.Range{Epoch: "e2"}, Requests: []read.Request{{For: b, At: at}}}, &page)
		c.expect(0)
		require.Equal(t, track.ReadRing, b.Next(b.ch.Rules()))
	})
}

// A replica of another epoch is late: it never resets anybody.
func TestReplicaOfAnotherEpochIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.log.add(inbox)
		r.log.sync()
		r.log.failOver(r.log.primary, "e2")
		r.log.set(func(l *fakeLog) {
			l.pooled = nil
			l.replica = l.primary.clone()
			l.replica.epoch = "e1"
		})
		c := r.live(inbox)
		r.publish(inbox)
		c.expect(0, "user:1#2")
		r.log.set(func(l *fakeLog) { l.away = true })
		c2 := r.join("1.e2@user:1", inbox)
		c2.expect(5 * time.Second) // waits, is not reset
		require.Equal(t, event.Epoch("e2"), r.hub.find(inbox).Filled().Epoch)
		r.log.set(func(l *fakeLog) { l.away = false })
		c2.expect(5*time.Second, "user:1#2", ready)
	})
}

func TestPrimaryAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for range 3 {
			r.log.add(inbox)
		}
		r.log.sync()
		r.log.add(inbox)
		r.log.set(func(l *fakeLog) { l.away = true })

		c := r.open(Request{Channels: []event.Channel{inbox}, Inbox: true, Cursor: cursor(t, "1.e1@user:1")})
		c.expect(time.Second, "user:1#2", "user:1#3", `ready {"unread":3,"head":3,"stale":true}`)
		ahead := r.join("4.e1@user:1", inbox)
		ahead.expect(10 * time.Second) // ahead of the replica: waits

		r.log.set(func(l *fakeLog) { l.away = false })
		c.expect(5*time.Second, `ready {"unread":4,"head":4}`, "user:1#4")
		ahead.expect(5*time.Second, ready)
		r.publish(inbox)
		c.expect(0, "user:1#5")
		ahead.expect(0, "user:1#5")
	})
}

func TestNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.log.add(inbox)
		r.log.set(func(l *fakeLog) { l.away, l.replica = true, nil })
		c := r.join("0.e1@user:1", inbox)
		c.expect(30 * time.Second)
		heads, _ := r.log.queries()
		require.Less(t, heads, 60, "questions are put at a bounded rate")
		r.log.set(func(l *fakeLog) { l.away = false })
		c.expect(3*time.Second, "user:1#1", ready)
	})
}

// While the primary is away nobody can tell what a message of another epoch is
// worth, and a new connection for each look at it would not help.
func TestUnknownEpochIsLookedIntoAtABoundedRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		late := r.log.add(inbox)
		late.Epoch = "e0"
		r.log.sync()
		r.log.set(func(l *fakeLog) { l.away, l.heads, l.renewed = true, 0, 0 })
		r.bus.send(late)
		c.expect(30*time.Second, "user:1#1")
		r.log.set(func(l *fakeLog) {
			require.Less(t, l.heads, 60)
			require.Less(t, l.renewed, 10)
			l.away, l.heads = false, 0
		})
		c.expect(3 * time.Second)
		heads, _ := r.log.queries()
		require.LessOrEqual(t, heads, 3, "the primary settles it")
	})
}

// A head read that the bus overtook is no step backwards.
func TestSlowHeadReadIsNoStepBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		r.log.set(func(l *fakeLog) {
			l.onHeads = func([]event.Channel) {
				l.set(func(l *fakeLog) { l.onHeads = nil })
				r.publish(inbox)
				r.publish(inbox)
			}
		})
		r.join("", inbox).expect(time.Second, "user:1#1", "user:1#2", ready)
		c.expect(0, "user:1#1", "user:1#2")
	})
}

// A client that another gateway told more than this one had heard when its question
// started: by the time of the answer this one has heard it as well.
func TestClientAheadOfTheAnswerNeedsNoNewConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		r.log.set(func(l *fakeLog) {
			l.renewed = 0
			l.onHeads = func([]event.Channel) {
				l.set(func(l *fakeLog) { l.onHeads = nil })
				r.publish(inbox)
			}
		})
		r.join("1.e1@user:1", inbox).expect(0, ready)
		c.expect(0, "user:1#1")
		r.log.set(func(l *fakeLog) { require.Zero(t, l.renewed) })
	})
}

// A true step backwards within an epoch: whoever restored the database did not
// begin a new one. It is announced, and the stream ends.
func TestHeadWentBackwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		for range 3 {
			r.publish(inbox)
		}
		c.expect(0, "user:1#1", "user:1#2", "user:1#3")
		r.log.change(func(p *life) {
			ch := p.channels[inbox]
			ch.events = ch.events[:1]
			p.channels[inbox] = ch
		})
		r.log.sync()
		r.hub.find(inbox).ask(track.Ask)
		c.expect(time.Second, unknownReset)
		require.True(t, c.ended)
		require.Equal(t, "0.e1@user:1", c.id)
		again := r.join(c.id, inbox)
		again.expect(time.Second, "user:1#1", ready)
	})
}

// Until the stream looks, the channel has grown beyond where it was.
func TestHeadWentBackwardsAndOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		r.publish(inbox)
		r.publish(inbox)
		c.expect(0, "user:1#1", "user:1#2")
		r.log.change(func(p *life) { p.channels[inbox] = fakeChannel{} })
		r.hub.find(inbox).ask(track.Ask)
		<-time.After(time.Second)
		for range 3 {
			r.publish(inbox)
		}
		c.expect(time.Second, unknownReset) // seq 1 would come twice on this connection
		require.True(t, c.ended)
		require.Equal(t, "0.e1@user:1", c.id)
		r.join(c.id, inbox).expect(time.Second, "user:1#1", "user:1#2", "user:1#3", ready)
	})
}

func cursor(t *testing.T, s string) event.Cursor {
	t.Helper()
	c, err := event.ParseCursor(s)
	require.NoError(t, err)
	return c
}
