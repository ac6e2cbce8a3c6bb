package hub

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
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
		r.join("", inbox).expect(time.Second, ready)
		c.expect(0, "user:1#1", "user:1#2")
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
		r.hub.database.asker.ask(r.hub.find(inbox), false)
		c.expect(time.Second, unknownReset)
		require.True(t, c.ended)
		require.Equal(t, "0.e1@user:1", c.id)
		again := r.join(c.id, inbox)
		again.expect(time.Second, "user:1#1", ready)
	})
}

func cursor(t *testing.T, s string) event.Cursor {
	t.Helper()
	c, err := event.ParseCursor(s)
	require.NoError(t, err)
	return c
}
