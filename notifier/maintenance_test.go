package notifier

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// Until a new epoch has begun gateways believe no head: a fail-over must be
// found without any append.
func TestIdentityIsLookedAtEverySecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var looks []time.Duration
		began := time.Now()
		log := &fakeLog{identity: func() (bool, error) {
			looks = append(looks, time.Since(began))
			switch len(looks) {
			case 2:
				return true, nil
			case 3, 4:
				return false, errors.New("away")
			}
			return false, nil
		}}
		n := startFake(t, log, &fakeBus{})
		<-time.After(5*time.Second + time.Millisecond)
		n.Stop()
		require.Equal(t, []time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second, 5 * time.Second}, looks)
		require.InDelta(t, 1, value(t, n.metrics.epochs), 0)
		require.InDelta(t, 2, value(t, n.metrics.maintenanceFailed.WithLabelValues("identity")), 0)
	})
}

func TestRoundsGoOnWhileThereIsMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var expired, aged atomic.Int64
		log := &fakeLog{
			expire: func() (bool, error) { return expired.Add(1)%3 != 0, nil },
			age:    func() (bool, error) { aged.Add(1); return true, nil },
		}
		startFake(t, log, &fakeBus{})
		synctest.Wait()
		require.EqualValues(t, 3, expired.Load())
		require.EqualValues(t, roundsAtOnce, aged.Load(), "one go is bounded")
		<-time.After(stepPause)
		synctest.Wait()
		require.EqualValues(t, 2*roundsAtOnce, aged.Load(), "the next one follows at once while there is more")
		require.EqualValues(t, 3, expired.Load())
		<-time.After(expireEvery + expireEvery/10)
		synctest.Wait()
		require.EqualValues(t, 6, expired.Load())
	})
}

func TestTasksTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var atWork, most atomic.Int64
		work := func() (bool, error) {
			if now := atWork.Add(1); now > most.Load() {
				most.Store(now) // exact as long as it is at most one, which is the point
			}
			<-time.After(100 * time.Millisecond)
			atWork.Add(-1)
			return true, nil
		}
		n := startFake(t, &fakeLog{expire: work, age: work}, &fakeBus{})
		<-time.After(time.Minute)
		require.EqualValues(t, 1, most.Load())
		began := time.Now()
		n.Stop()
		require.LessOrEqual(t, time.Since(began), 100*time.Millisecond)
	})
}

func TestTrimWalksByPolicy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var walked []time.Duration
		began := time.Now()
		log := &fakeLog{trim: func(from store.TrimCursor, policy func(event.Channel) store.Retention) (store.TrimCursor, error) {
			require.Equal(t, store.TrimCursor{}, from)
			require.Equal(t, store.Retention{MaxAge: 90 * 24 * time.Hour, MaxCount: 1000}, policy("user:1"))
			require.Equal(t, store.Retention{MaxAge: time.Hour, MaxCount: 100}, policy("raffle:1"))
			require.Zero(t, policy("gone:1"), "what has no policy any more is kept")
			walked = append(walked, time.Since(began))
			if len(walked) == 1 {
				return from, errors.New("away")
			}
			return store.TrimCursor{}, nil
		}}
		n := startFake(t, log, &fakeBus{}, func(c *Config) { c.Policies = auth.Builtin() })
		<-time.After(trimEvery * 3 / 2)
		n.Stop()
		require.Len(t, walked, 3)
		require.Zero(t, walked[0])
		require.InDelta(t, ageEvery, walked[1], float64(ageEvery)/10, "a failure is tried again soon")
		require.InDelta(t, trimEvery, walked[2]-walked[1], float64(trimEvery)/10)
	})
}
