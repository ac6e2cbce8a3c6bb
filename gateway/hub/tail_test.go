package hub

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/hub/track"
	"github.com/bellhop/bellhop/store"
)

// A notifier that died between commit and publish.
func TestTailFindsWhatWasNeverPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		r.log.add(inbox)
		c.expect(2200*time.Millisecond, "user:1#1")
	})
}

func TestTailIsReadOftenWhileTheBusIsSuspect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		r.bus.handler.Suspect(true)
		<-time.After(time.Second)
		r.log.add(inbox)
		c.expect(330*time.Millisecond, "user:1#1")
		r.bus.handler.Suspect(false)
		<-time.After(time.Second)
		r.log.set(func(l *fakeLog) { l.tails = 0 })
		<-time.After(10 * time.Second)
		r.log.set(func(l *fakeLog) { require.LessOrEqual(t, l.tails, 6) })
	})
}

// A low id may be committed after higher ones, and its notifier may die.
func TestTailSeesIdsThatCommitOutOfOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox, raffle)
		slow := r.log.begin(inbox) // id 1
		r.log.add(raffle)          // ids 2 and 3
		r.log.add(raffle)
		c.expect(3*time.Second, "raffle:1#1", "raffle:1#2")
		<-time.After(store.MaxTransaction - 4*time.Second)
		slow.commit()
		c.expect(2200*time.Millisecond, "user:1#1")
	})
}

// The transaction took its id before the gateway even started.
func TestTailSeesATransactionOlderThanTheGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		slow := r.log.begin(inbox)
		r.log.add(raffle)
		<-time.After(2500 * time.Millisecond) // the first reading
		c := r.live(inbox)
		slow.commit()
		c.expect(2200*time.Millisecond, "user:1#1")
	})
}

// One answer of the log is bounded: what it left out comes with the next.
func TestTailReadsOnWhereAnAnswerEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox, raffle)
		r.log.set(func(l *fakeLog) { l.tailMost = 2 })
		for range 5 {
			r.log.add(raffle)
		}
		r.log.add(inbox)
		require.ElementsMatch(t, []string{"raffle:1#1", "raffle:1#2", "raffle:1#3", "raffle:1#4", "raffle:1#5", "user:1#1"},
			short(c.wait(2500*time.Millisecond)))
	})
}

// What is settled is not read again: the cost of a reading is that of what is new.
func TestTailReadsARowOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.live(inbox)
		for range 100 {
			r.publish(inbox)
			<-time.After(300 * time.Millisecond)
		}
		<-time.After(2 * time.Second)
		r.log.set(func(l *fakeLog) { require.Equal(t, 100, l.told) })
		require.NoError(t, r.hub.Close())
		base, rows, readings := r.hub.tail.Remembered()
		require.Zero(t, rows)
		require.LessOrEqual(t, readings, 1)
		require.EqualValues(t, 100, base)
	})
}

// An id that is never used, because its transaction was rolled back, holds the
// reading back for the overlap and not for ever.
func TestTailPassesAnIDThatNeverCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.TailOverlap = 10 * time.Second })
		r.live(inbox)
		r.log.begin(inbox) // never committed
		for range 100 {
			r.publish(inbox)
			<-time.After(300 * time.Millisecond)
		}
		require.NoError(t, r.hub.Close())
		base, _, _ := r.hub.tail.Remembered()
		require.Greater(t, base, uint64(90))
		r.log.set(func(l *fakeLog) { require.Less(t, l.told, 600, "read again while the id could still come") })
	})
}

// A step between ids leaves gaps everywhere: rows are told by their tokens.
func TestTailWithAStepBetweenIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.TailOverlap = 10 * time.Second })
		c := r.live(inbox)
		for i := range 20 {
			r.log.change(func(p *life) { p.nextID++ })
			r.log.add(inbox)
			c.expect(2200*time.Millisecond, fmt.Sprintf("user:1#%d", i+1))
		}
		require.NoError(t, r.hub.Close())
		_, rows, readings := r.hub.tail.Remembered()
		require.LessOrEqual(t, rows, 10)
		require.LessOrEqual(t, readings, 10)
	})
}

// A crash of the primary takes transactions with it that were committed, and
// their ids begin again: below the old position, which must not be believed.
func TestTailNoticesThatTransactionsWereLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		for range 5 {
			r.log.add(raffle)
		}
		<-time.After(3 * time.Second)
		r.log.change(func(p *life) { // the crash takes three of them
			p.commits, p.nextID, p.starts = p.commits[:2], 3, p.starts+1
			ch := p.channels[raffle]
			ch.events = ch.events[:2]
			p.channels[raffle] = ch
		})
		r.log.add(inbox) // id 3 again, never published
		for range 5 {
			r.log.add(raffle)
		}
		c.expect(2200*time.Millisecond, "user:1#1")
		require.InDelta(t, 1, value(t, r.hub.metrics.tailCuts), 0)
	})
}

// Rows went by age while this gateway could not read: all heads are asked for.
func TestTailThatWasCutReadsTheHeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		<-time.After(3 * time.Second)
		r.log.set(func(l *fakeLog) { l.tailOff = true })
		r.log.add(inbox)
		r.log.change(func(p *life) { p.low, p.commits = p.nextID, nil })
		c.expect(5 * time.Second)
		r.log.set(func(l *fakeLog) { l.tailOff = false })
		c.expect(3*time.Second, "user:1#1")
	})
}

// After a fail-over ids begin again below the old position.
func TestTailPositionBelongsToAnEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for range 50 {
			r.log.add(raffle)
		}
		c := r.live(inbox)
		<-time.After(15 * time.Second)
		r.log.failOver(&life{channels: map[event.Channel]fakeChannel{}, low: 1, nextID: 1}, "e2")
		r.log.set(func(l *fakeLog) { l.pooled = nil })
		c.expect(3*time.Second, unknownReset)
		r.log.add(inbox) // id 1 of e2, never published
		c.expect(2200*time.Millisecond, "user:1#1")
	})
}

// A commit between the heads and the new position would be lost if the heads
// were read first.
func TestTailTakesItsPositionBeforeTheHeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		<-time.After(3 * time.Second)
		r.log.change(func(p *life) { p.low = 500; p.nextID = 500 })
		r.log.set(func(l *fakeLog) {
			l.onHeads = func([]event.Channel) {
				l.set(func(l *fakeLog) { l.onHeads = nil })
				r.log.add(inbox) // after the snapshot of the heads, before their answer
			}
		})
		c.expect(4500*time.Millisecond, "user:1#1")
	})
}

func TestFillsAreCountedByCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		r.log.add(inbox)
		c.expect(3*time.Second, "user:1#1")
		r.log.add(inbox)
		r.publish(inbox)
		c.expect(time.Second, "user:1#2", "user:1#3")
		require.InDelta(t, 1, value(t, r.hub.metrics.fills[track.CauseTail]), 0)
		require.InDelta(t, 1, value(t, r.hub.metrics.fills[track.CauseBus]), 0)
		require.Equal(t, uint64(2), r.hub.metrics.delivered[track.ViaFill].Load(), "the third came over the bus and was kept")
		require.Equal(t, uint64(1), r.hub.metrics.delivered[track.ViaBus].Load())
	})
}
