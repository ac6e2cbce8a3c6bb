package notifier

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

// TestGroupsGatherWhenManyPublish: after a group of several events the next one waits
// for half as long as that took, a millisecond at most, and takes what comes until
// then. Nothing waits where few publish, where enough is there, or on the way down.
func TestGroupsGatherWhenManyPublish(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		before  int           // events of the group before
		took    time.Duration // to write that one
		waiting int           // events that are there when it is done
		closed  bool
		pause   time.Duration
		group   int // events of the next group; one more comes just before the pause ends
	}{
		"half of the last one's time": {before: gatherJobs, took: time.Millisecond, waiting: 2, pause: time.Millisecond / 2, group: 3},
		"a millisecond at most":       {before: gatherJobs, took: stallAfter / 2, waiting: 2, pause: gatherMost, group: 3},
		"few publish":                 {before: gatherJobs - 1, took: time.Second, waiting: 2, group: 2},
		"enough is there":             {before: gatherJobs, took: time.Second, waiting: overlapRows, group: overlapRows},
		"the way down":                {before: gatherJobs, took: time.Second, waiting: 2, closed: true, group: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(size{1000, 1 << 20}, size{1000, 1 << 20})
				n := 0
				push := func(jobs int) {
					for range jobs {
						n++
						require.NoError(t, q.push(testJob(event.Channel(fmt.Sprintf("user:%d", n)), "x")))
					}
				}
				push(tc.before)
				last := q.take(nil)
				require.Len(t, last, tc.before)
				<-time.After(tc.took)
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
