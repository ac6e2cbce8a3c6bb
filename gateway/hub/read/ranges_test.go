package read

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// What is wanted of one channel is one fill and one range, from where the furthest
// behind stands; what is wanted of many shares queries up to the most that one takes.
func TestRangesShareQueries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(time.Second)
		r := NewRanges(f, f, time.Minute)
		for range 3 {
			r.Fill("topic:a")
		}
		for _, seq := range []uint64{7, 3, 9} {
			r.Read("topic:a", Request{For: seq, At: event.Position{Seq: seq, Epoch: "e"}, Through: 10 + seq})
		}
		for _, ch := range channels("topic:", store.MaxRanges) {
			r.Fill(ch)
		}
		f.dropped["topic:0"] = true
		defer run(t, r.Run)()
		<-time.After(time.Minute)
		q := f.asked()
		require.Len(t, q, 2)
		require.Equal(t, []store.Range{
			{Channel: "topic:a", Limit: RangeLimit},
			{Channel: "topic:a", After: 3, Epoch: "e", Through: 13, Limit: RangeLimit},
		}, q[0].ranges[:2])
		require.LessOrEqual(t, len(q[0].ranges), store.MaxRanges)
		require.Len(t, f.pages, 1+store.MaxRanges, "each once, but what nobody needs any more")
		require.Len(t, f.pages[1].Requests, 3)
	})
}

// While one goroutine waits for its answer the other one reads on, and each keeps its
// distance.
func TestRangesAreReadByTwoAndPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(10 * RangePace)
		r := NewRanges(f, f, time.Minute)
		defer run(t, r.Run, r.Run)()
		r.Fill("topic:a")
		synctest.Wait()
		r.Fill("topic:b")
		synctest.Wait()
		require.Len(t, f.asked(), 2)
		r.Fill("topic:c")
		synctest.Wait()
		require.Len(t, f.asked(), 2)
		<-time.After(time.Minute)
		f.takes = 0
		began, n := time.Since(f.began), len(f.asked())
		for range 2 * 100 {
			r.Fill("topic:a")
			<-time.After(RangePace / 20)
		}
		require.LessOrEqual(t, len(f.asked())-n, 2*(1+int((time.Since(f.began)-began)/RangePace)))
	})
}

// More than one query takes is read by both at once.
func TestWhatIsLeftOfAQueryWakesTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(time.Second)
		r := NewRanges(f, f, time.Minute)
		defer run(t, r.Run, r.Run)()
		synctest.Wait()
		r.mu.Lock() // so that all are there before the first one looks
		for _, ch := range channels("topic:", store.MaxRanges+1) {
			r.wanted[ch] = &wanted{fill: true}
			r.queue = append(r.queue, ch)
		}
		r.kick.Raise()
		r.mu.Unlock()
		synctest.Wait()
		require.Len(t, f.asked(), 2)
	})
}

// What had no answer is wanted again, with what came meanwhile, after pauses that grow
// up to a bound.
func TestRangesWithoutAnAnswerAreReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(0)
		const fails = 9
		f.fails = fails
		r := NewRanges(f, f, time.Minute)
		defer run(t, r.Run)()
		r.Fill("topic:a")
		r.Read("topic:a", Request{For: 1, At: event.Position{Seq: 5}})
		synctest.Wait()
		r.Read("topic:a", Request{For: 2, At: event.Position{Seq: 2}})
		<-time.After(time.Minute)
		require.Equal(t, fails, f.failed)
		require.Len(t, f.pages, 2)
		require.True(t, f.pages[0].Fill)
		require.Len(t, f.pages[1].Requests, 2)
		require.EqualValues(t, 2, f.pages[1].After)
		q := f.asked()
		require.Len(t, q, fails+1)
		for i := range fails {
			pause, base := q[i+1].at-q[i].at, min(RangeBackoff<<i, rangeBackoffMost)
			require.GreaterOrEqual(t, pause, base/2)
			require.LessOrEqual(t, pause, base*3/2)
		}
	})
}
