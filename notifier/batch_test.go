package notifier

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

var (
	errBad  = fmt.Errorf("%w: a bad event", store.ErrNotWritten)
	errAway = fmt.Errorf("%w: %w", store.ErrUnavailable, store.ErrNotWritten)
	errLost = fmt.Errorf("%w: no answer to COMMIT", store.ErrUnavailable)
)

// holding is a log that holds its first group until it is let go.
func holding() (log *fakeLog, letGo func()) {
	gate := make(chan struct{})
	var held atomic.Bool
	log = &fakeLog{before: func([]store.Entry) error {
		if held.CompareAndSwap(false, true) {
			<-gate
		}
		return nil
	}}
	return log, sync.OnceFunc(func() { close(gate) })
}

func TestWhatGathersIsOneGroupInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, letGo := holding()
		bus := &fakeBus{}
		n := startFake(t, log, bus)
		jobs := []*job{testJob("user:1", "a"), testJob("user:1", "b"), testJob("user:2", "c"), testJob("user:1", "d")}
		submit(t, n, jobs[0])
		synctest.Wait()
		submit(t, n, jobs[1:]...)
		letGo()
		for i, seq := range []uint64{1, 2, 1, 3} {
			o := <-jobs[i].done
			require.NoError(t, o.err)
			require.Equal(t, event.Epoch("e1"), o.epoch)
			require.Equal(t, []uint64{seq}, o.appended.Seqs)
		}
		require.Equal(t, [][]string{{"a"}, {"b", "c", "d"}}, log.types())
		synctest.Wait()
		require.Equal(t, []uint64{1, 2, 3}, bus.seqs("user:1"))
	})
}

func TestGroupIsBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Config)
		want   [][]string
	}{
		"rows":  {func(c *Config) { c.GroupRows = 2 }, [][]string{{"first"}, {"0", "1"}, {"2", "3"}, {"4"}}},
		"bytes": {func(c *Config) { c.GroupBytes = 3 * (rowOverhead + 1) }, [][]string{{"first"}, {"0", "1", "2"}, {"3", "4"}}},
		"one":   {func(c *Config) { c.GroupBytes = 1 }, [][]string{{"first"}, {"0"}, {"1"}, {"2"}, {"3"}, {"4"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				log, letGo := holding()
				n := startFake(t, log, &fakeBus{}, c.change)
				submit(t, n, testJob("user:1", "first"))
				synctest.Wait()
				for i := range 5 {
					submit(t, n, testJob("user:1", strconv.Itoa(i)))
				}
				letGo()
				synctest.Wait()
				require.Equal(t, c.want, log.types())
			})
		})
	}
}

func TestBadNeighbourHarmsNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, letGo := holding()
		hold := log.before
		log.before = func(entries []store.Entry) error {
			_ = hold(entries)
			for _, e := range entries {
				if e.Type == "bad" {
					return errBad
				}
			}
			return nil
		}
		bus := &fakeBus{}
		n := startFake(t, log, bus)
		submit(t, n, testJob("user:1", "first"))
		synctest.Wait()
		jobs := make([]*job, 9)
		for i := range jobs {
			typ := strconv.Itoa(i)
			if i == 4 {
				typ = "bad"
			}
			jobs[i] = testJob("user:1", typ)
		}
		submit(t, n, jobs...)
		letGo()
		next := uint64(2)
		for i, j := range jobs {
			o := <-j.done
			if i == 4 {
				require.ErrorIs(t, o.err, errBad)
				continue
			}
			require.NoError(t, o.err)
			require.Equal(t, []uint64{next}, o.appended.Seqs, "the neighbours keep their order")
			next++
		}
		synctest.Wait()
		require.Len(t, bus.seqs("user:1"), 9)
	})
}

func TestOnlyAGroupThatMayBeToBlameIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{
		"the log is away":  errAway,
		"nobody knows":     errLost,
		"an unknown error": errors.New("what is this"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				log, letGo := holding()
				hold, calls := log.before, 0
				log.before = func(entries []store.Entry) error {
					_ = hold(entries)
					calls++
					return failure
				}
				n := startFake(t, log, &fakeBus{})
				submit(t, n, testJob("user:1", "first"))
				synctest.Wait()
				jobs := []*job{testJob("user:1", "a"), testJob("user:2", "b")}
				submit(t, n, jobs...)
				letGo()
				for _, j := range jobs {
					require.ErrorIs(t, (<-j.done).err, failure)
				}
				require.Equal(t, 2, calls)
			})
		})
	}
}

func TestLogThatGoesAwayWhileHalvingEndsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, letGo := holding()
		hold, calls := log.before, 0
		log.before = func(entries []store.Entry) error {
			_ = hold(entries)
			calls++
			switch len(entries) {
			case 1:
				return nil
			case 4:
				return errBad
			default:
				return errLost
			}
		}
		n := startFake(t, log, &fakeBus{})
		submit(t, n, testJob("user:1", "first"))
		synctest.Wait()
		jobs := []*job{testJob("user:1", "a"), testJob("user:1", "b"), testJob("user:1", "c"), testJob("user:1", "d")}
		submit(t, n, jobs...)
		letGo()
		for i, j := range jobs {
			err := (<-j.done).err
			require.ErrorIs(t, err, store.ErrUnavailable)
			require.Equal(t, i >= 2, errors.Is(err, store.ErrNotWritten), "the second half was not tried, the first may be written")
		}
		require.Equal(t, 3, calls)
	})
}

func TestBlockedNeighbourWaitsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, letGo := holding()
		began := time.Now()
		log.refuse = func(e store.Entry) error {
			if e.Key != nil && time.Since(began) < time.Second {
				return store.ErrKeyBusy
			}
			return nil
		}
		n := startFake(t, log, &fakeBus{})
		submit(t, n, testJob("user:1", "first"))
		synctest.Wait()
		before, blocked, after := testJob("user:1", "a"), testJob("user:1", "b"), testJob("user:1", "c")
		blocked.entry.Key = &store.Key{Service: "s", Value: "k"}
		submit(t, n, before, blocked, after)
		letGo()
		require.NoError(t, (<-before.done).err)
		require.NoError(t, (<-after.done).err)
		require.Zero(t, time.Since(began), "the neighbours did not wait")
		require.NoError(t, (<-blocked.done).err)
		require.GreaterOrEqual(t, time.Since(began), time.Second)
		require.Less(t, time.Since(began), time.Second+2*keyPollMax)
	})
}

func TestKeyThatStaysTakenIsRefusedInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &fakeLog{refuse: func(store.Entry) error { return store.ErrKeyBusy }}
		n := startFake(t, log, &fakeBus{})
		began := time.Now()
		j := testJob("user:1", "a")
		submit(t, n, j)
		require.ErrorIs(t, (<-j.done).err, store.ErrKeyBusy)
		require.Equal(t, maxKeyWait, time.Since(began))
	})
}

func TestParkedJobMeetsAFailingLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		log := &fakeLog{
			before: func([]store.Entry) error {
				if calls++; calls > 1 {
					return errAway
				}
				return nil
			},
			refuse: func(store.Entry) error { return store.ErrKeyBusy },
		}
		n := startFake(t, log, &fakeBus{})
		j := testJob("user:1", "a")
		submit(t, n, j)
		require.ErrorIs(t, (<-j.done).err, errAway)
	})
}

func TestParkedJobsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &fakeLog{refuse: func(store.Entry) error { return store.ErrKeyBusy }}
		n := startFake(t, log, &fakeBus{})
		began := time.Now()
		jobs := make([]*job, maxParked+1)
		for i := range jobs {
			jobs[i] = testJob("user:1", "a")
		}
		submit(t, n, jobs...)
		early := 0
		for _, j := range jobs {
			require.ErrorIs(t, (<-j.done).err, store.ErrKeyBusy)
			if time.Since(began) == 0 {
				early++
			}
		}
		require.LessOrEqual(t, time.Since(began), maxKeyWait)
		require.Zero(t, early, "jobs are answered in order, and the first waits")
		synctest.Wait()
		require.Empty(t, n.batcher.parked)
	})
}

func TestFullQueueRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"rows":  func(c *Config) { c.QueueRows = 2 },
		"bytes": func(c *Config) { c.QueueBytes = 2 * (rowOverhead + 1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				log, letGo := holding()
				n := startFake(t, log, &fakeBus{}, change)
				submit(t, n, testJob("user:1", "first"))
				synctest.Wait()
				another := testJob("user:1", "b")
				another.service = "another"
				submit(t, n, testJob("user:1", "a"), another)
				require.ErrorIs(t, n.batcher.submit(testJob("user:1", "c")), ErrBusy)
				require.Equal(t, 2, n.batcher.queue.depth())
				letGo()
				synctest.Wait()
				submit(t, n, testJob("user:1", "d"))
				synctest.Wait()
				require.Equal(t, [][]string{{"first"}, {"a", "b"}, {"d"}}, log.types())
			})
		})
	}
}

func TestJobThatWaitedTooLongIsNotTried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, letGo := holding()
		n := startFake(t, log, &fakeBus{})
		submit(t, n, testJob("user:1", "first"))
		synctest.Wait()
		old := testJob("user:1", "old")
		submit(t, n, old)
		<-time.After(queueWait)
		young := testJob("user:1", "young")
		submit(t, n, young)
		<-time.After(time.Millisecond)
		letGo()
		require.ErrorIs(t, (<-old.done).err, ErrBusy)
		require.NoError(t, (<-young.done).err)
		require.Equal(t, [][]string{{"first"}, {"young"}}, log.types())
	})
}

// A row that somebody else has locked holds up its own channel, and others no
// longer than it takes to see that.
func TestHotChannelStallsItselfOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, letGo := holding()
		bus := &fakeBus{}
		n := startFake(t, log, bus, func(c *Config) { c.Batchers = 2 })
		hot := testJob("user:hot", "1")
		submit(t, n, hot)
		synctest.Wait()
		began := time.Now()
		again, bridge, behind, cool := testJob("user:hot", "2"), testJob("user:hot", "3"), testJob("user:b", "4"), testJob("user:c", "5")
		bridge.entry.Channels = []event.Channel{"user:hot", "user:b"}
		bridge.rows = 2
		submit(t, n, again, bridge, behind, cool)
		require.NoError(t, (<-cool.done).err)
		require.Equal(t, stallAfter, time.Since(began))
		synctest.Wait()
		require.Equal(t, [][]string{{"5"}}, log.types(), "what shares a channel with the hot one keeps its place behind it")
		letGo()
		for _, j := range []*job{hot, again, bridge, behind} {
			require.NoError(t, (<-j.done).err)
		}
		synctest.Wait()
		require.Equal(t, [][]string{{"5"}, {"1"}, {"2", "3", "4"}}, log.types())
		require.Equal(t, []uint64{1, 2, 3}, bus.seqs("user:hot"))
		require.Equal(t, []uint64{1, 2}, bus.seqs("user:b"))
	})
}

func TestMoreThanAGroupIsWrittenSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, letGo := holding()
		n := startFake(t, log, &fakeBus{}, func(c *Config) { c.Batchers, c.GroupRows = 2, 2 })
		began := time.Now()
		submit(t, n, testJob("user:1", "first"))
		synctest.Wait()
		submit(t, n, testJob("user:2", "a"), testJob("user:3", "b"))
		synctest.Wait()
		require.Empty(t, log.types(), "one full group waits for the one under way")
		submit(t, n, testJob("user:4", "c"))
		synctest.Wait()
		require.Equal(t, [][]string{{"a", "b"}}, log.types())
		require.Zero(t, time.Since(began))
		letGo()
		synctest.Wait()
		require.Equal(t, [][]string{{"a", "b"}, {"first"}, {"c"}}, log.types())
	})
}
