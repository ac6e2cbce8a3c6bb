package notifier

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

// newCrowd is a roomy queue, and what pushes jobs, each to a channel of its own.
func newCrowd(t *testing.T) (q *queue, push func(jobs int)) {
	t.Helper()
	q = newQueue(size{1000, 1 << 20}, size{1000, 1 << 20})
	n := 0
	return q, func(jobs int) {
		t.Helper()
		for range jobs {
			n++
			require.NoError(t, q.push(testJob(event.Channel(fmt.Sprintf("user:%d", n)), "x")))
		}
	}
}

// TestGroupsGatherWhenManyPublish: after a group of several events the next one waits
// for half as long as that took, a millisecond at most, and takes what comes until
// then. Nothing waits where few publish, where as many are there as before, or on the way
// down.
func TestGroupsGatherWhenManyPublish(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		before  int           // events of the group before
		took    time.Duration // to write that one
		beside  int           // events that come meanwhile
		waiting int           // events that come when its jobs are answered
		closed  bool
		pause   time.Duration
		group   int // events of the next group; one more comes just before the pause ends
	}{
		"half of the last one's time": {before: gatherJobs, took: time.Millisecond, waiting: 2, pause: time.Millisecond / 2, group: 3},
		"a millisecond at most":       {before: gatherJobs, took: stallAfter / 2, waiting: 2, pause: gatherMost, group: 3},
		"few publish":                 {before: gatherJobs - 1, took: time.Second, waiting: 2, group: 2},
		"as many as before":           {before: 2 * overlapRows, took: time.Second, waiting: 2 * overlapRows, group: 2 * overlapRows},
		"some came beside it":         {before: gatherJobs, took: stallAfter / 2, beside: 3, waiting: gatherJobs, group: gatherJobs + 3},
		"fewer than come back":        {before: gatherJobs, took: stallAfter / 2, beside: 3, waiting: 1, pause: gatherMost, group: 5},
		"the way down":                {before: gatherJobs, took: time.Second, waiting: 2, closed: true, group: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q, push := newCrowd(t)
				push(tc.before)
				last := q.take(nil)
				require.Len(t, last, tc.before)
				push(tc.beside)
				<-time.After(tc.took)
				q.answering(last)
				push(tc.waiting)
				if tc.closed {
					q.close()
				}
				done := time.Now()
				if tc.pause > 0 {
					time.AfterFunc(tc.pause-1, func() { push(1) })
				}
				require.Len(t, q.take(last), tc.group)
				require.Equal(t, tc.pause, time.Since(done))
				<-time.After(stallAfter) // for the timers of the groups
			})
		})
	}
}

// TestASecondGroupIsWorthATransaction: beside one that is under way starts another as soon
// as it is as large, or so large that it would not be cheaper if it were larger.
func TestASecondGroupIsWorthATransaction(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		first  int // jobs under way
		starts int // when so many wait
	}{
		"beside a small one": {first: 3, starts: overlapRows},
		"as large":           {first: 40, starts: 40},
		"large enough":       {first: 500, starts: overlapMost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q, push := newCrowd(t)
				push(tc.first)
				first := q.take(nil)
				require.Len(t, first, tc.first)
				taken := make(chan []*job, 1)
				go func() { taken <- q.take(nil) }()
				push(tc.starts - 1)
				synctest.Wait()
				require.Empty(t, taken)
				push(1)
				synctest.Wait()
				require.Len(t, <-taken, tc.starts)
				<-time.After(stallAfter) // for the timers of the groups
			})
		})
	}
}

// TestThoseWhoAreAnsweredMakeOneGroup: while the jobs of a group are answered, what comes
// back is not split in two by a taker that waits.
func TestThoseWhoAreAnsweredMakeOneGroup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, push := newCrowd(t)
		push(40)
		first := q.take(nil)
		push(overlapRows) // they wait: fewer than are under way
		taken := make(chan []*job, 1)
		go func() { taken <- q.take(nil) }()
		synctest.Wait()
		q.answering(first)
		push(40 - 1)
		synctest.Wait()
		require.Empty(t, taken)
		push(1)
		synctest.Wait()
		require.Len(t, <-taken, 40+overlapRows)
		<-time.After(stallAfter) // for the timers of the groups
	})
}
