package read

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

func channels(prefix string, n int) (all []event.Channel) {
	for i := range n {
		all = append(all, event.Channel(prefix+strconv.Itoa(i)))
	}
	return all
}

// The first question of a quiet time is put at once. Those that come while it is under
// way share the next query, in the order in which they came, each channel once.
func TestQuestionsForHeadsShareQueries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(time.Second)
		h := NewHeads(f, f, time.Minute)
		defer run(t, h.Run)()
		h.Ask("topic:first", Join, false)
		synctest.Wait()
		for range 3 {
			for _, ch := range channels("topic:", 1000) {
				h.Ask(ch, Join, false)
			}
		}
		<-time.After(time.Minute)
		q := f.asked()
		require.Len(t, q, 1+(1000+store.MaxChannels-1)/store.MaxChannels)
		require.Equal(t, []event.Channel{"topic:first"}, q[0].channels)
		require.Zero(t, q[0].at)
		require.Equal(t, channels("topic:", store.MaxChannels), q[1].channels)
		for ch, n := range f.answers {
			require.Equal(t, 1, n, ch)
		}
		require.Len(t, f.answers, 1001)
	})
}

// Queries that are answered at once keep their distance, a longer one where each needs
// a new connection.
func TestQueriesForHeadsArePaced(t *testing.T) {
	for fresh, pace := range map[bool]time.Duration{false: HeadPace, true: FreshPace} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(0)
			h := NewHeads(f, f, time.Minute)
			defer run(t, h.Run)()
			for range 10*20 - 1 {
				h.Ask("topic:a", Join, fresh)
				<-time.After(pace / 20)
			}
			q := f.asked()
			require.Len(t, q, 10)
			for i := range q {
				require.Equal(t, fresh, q[i].fresh)
				require.Equal(t, time.Duration(i)*pace, q[i].at)
			}
		})
	}
}

// A look at every channel that is held waits for joins, and joins for one of its
// queries at most: the two take turns.
func TestJoinsAndLooksTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(100 * time.Millisecond)
		h := NewHeads(f, f, time.Minute)
		for _, ch := range channels("topic:held", 10*LookMost) {
			h.Ask(ch, Look, false)
		}
		for _, ch := range channels("topic:joins", 5*store.MaxChannels) {
			h.Ask(ch, Join, false)
		}
		defer run(t, h.Run)()
		<-time.After(time.Minute)
		var lanes []byte
		for _, q := range f.asked() {
			if len(q.channels) == LookMost {
				lanes = append(lanes, 'l')
			} else {
				lanes = append(lanes, 'j')
			}
		}
		require.Equal(t, strings.Repeat("jl", 5)+strings.Repeat("l", 5), string(lanes))
	})
}

// A channel that somebody joins and that is to be looked at anyway is asked for once,
// with the joins. That a new connection is needed holds for all that are in the lane by
// then, however many queries they take, and for no others.
func TestFreshHoldsForItsLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(time.Second)
		h := NewHeads(f, f, time.Minute)
		h.Ask("topic:a", Join, false)
		h.Ask("topic:a", Look, false) // with the joins
		for _, ch := range channels("topic:", LookMost+1) {
			h.Ask(ch, Look, ch == "topic:0")
		}
		defer run(t, h.Run)()
		<-time.After(time.Minute)
		h.Ask("topic:first", Join, false)
		synctest.Wait()
		h.Ask("topic:b", Join, false)
		h.Ask("topic:b", Look, true) // not with the joins, whose connection may be old
		h.Ask("topic:c", Join, false)
		<-time.After(time.Minute)
		h.Ask("topic:a", Look, false)
		<-time.After(time.Minute)
		var fresh []bool
		var sizes []int
		for _, q := range f.asked() {
			fresh, sizes = append(fresh, q.fresh), append(sizes, len(q.channels))
		}
		require.Equal(t, []int{1, LookMost, 1, 1, 1, 2, 1}, sizes)
		require.Equal(t, []bool{false, true, true, false, true, false, false}, fresh)
	})
}

// Looks keep their distance from joins too.
func TestLooksArePacedBehindJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(0)
		h := NewHeads(f, f, time.Minute)
		h.Ask("topic:a", Look, false)
		h.Ask("topic:b", Join, false)
		defer run(t, h.Run)()
		<-time.After(time.Minute)
		q := f.asked()
		require.Len(t, q, 2)
		require.Equal(t, HeadPace, q[1].at-q[0].at)
	})
}

// A channel that somebody joins stays urgent while it waits to be asked for again, even
// if it is to be looked at as well.
func TestAJoinStaysOneWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(time.Second)
		h := NewHeads(f, f, time.Minute)
		h.AskLater("topic:a", Join)
		h.AskLater("topic:a", Look)
		for _, ch := range channels("topic:held", 10*LookMost) {
			h.Ask(ch, Look, false)
		}
		defer run(t, h.Run)()
		<-time.After(time.Minute)
		require.Equal(t, []event.Channel{"topic:a"}, f.asked()[1].channels)
	})
}

// Questions without a good answer come again after pauses that grow up to a bound, and
// begin anew after a good one. Who joins meanwhile is not held up, and a join stays one.
func TestQuestionsForHeadsComeAgainLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(0)
		f.stale = true
		h := NewHeads(f, f, time.Minute)
		defer run(t, h.Run)()
		pause := func() time.Duration {
			began := time.Since(f.began)
			h.AskLater("topic:a", Look)
			h.AskLater("topic:a", Join)
			<-time.After(time.Minute)
			q := f.asked()
			return q[len(q)-1].at - began
		}
		for i := range 8 {
			base := min(headBackoff<<i, headBackoffMost)
			require.InDelta(t, base, pause(), float64(base/2))
		}
		f.stale = false
		h.Ask("topic:b", Join, false)
		<-time.After(time.Second)
		require.InDelta(t, headBackoff, pause(), float64(headBackoff/2))
		require.Len(t, f.asked(), 10)
	})
}

// A query is not put for channels that nobody needs any more, an error is handed to
// those who asked, and none is put again by itself.
func TestWhoAsksHearsOfFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(0)
		f.fails = 1
		f.dropped["topic:gone"] = true
		h := NewHeads(f, f, time.Minute)
		defer run(t, h.Run)()
		h.Ask("topic:gone", Join, false)
		<-time.After(time.Second)
		require.Empty(t, f.asked())
		h.Ask("topic:a", Join, false)
		<-time.After(time.Minute)
		require.Len(t, f.asked(), 1)
		require.Equal(t, 1, f.failed)
		require.Empty(t, f.answers)
	})
}

// Nobody is asked after the end, not even what was to come again.
func TestNothingIsAskedAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(0)
		h := NewHeads(f, f, time.Minute)
		stop := run(t, h.Run)
		h.AskLater("topic:a", Join)
		stop()
		<-time.After(time.Minute)
		require.Empty(t, f.asked())
		require.Empty(t, h.joins.queue)
	})
}
