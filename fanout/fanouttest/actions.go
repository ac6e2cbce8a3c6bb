package fanouttest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
)

// subscribe makes a subscriber that is closed with the test, and waits until it
// has proven itself and channels are acknowledged.
func subscribe(t *testing.T, bus fanout.Bus, r *Recorder, channels ...event.Channel) fanout.Subscriber {
	t.Helper()
	s := bus.Subscriber(r)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	s.Subscribe(channels...)
	r.WaitAll(t, Subscribed, channels)
	r.WaitCount(t, Trusted, "", 1)
	return s
}

func publish(t *testing.T, bus fanout.Bus, messages ...fanout.Message) []int {
	t.Helper()
	receivers, err := bus.Publish(t.Context(), messages)
	require.NoError(t, err)
	require.Len(t, receivers, len(messages))
	return receivers
}

// publishOn publishes to the channels over and over until it is stopped.
func publishOn(t *testing.T, bus fanout.Bus, channels []event.Channel) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var publishing sync.WaitGroup
	publishing.Go(func() {
		for seq := uint64(1); ctx.Err() == nil; seq++ {
			var batch []fanout.Message
			for _, ch := range channels {
				batch = append(batch, NewMessage(ch, seq, 10))
			}
			if _, err := bus.Publish(ctx, batch); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
		}
	})
	stop = func() {
		cancel()
		publishing.Wait()
	}
	t.Cleanup(stop)
	return stop
}

// waitCount is Recorder.WaitCount for goroutines that are not the test's.
func waitCount(r *Recorder, k Kind, ch event.Channel, n int, most time.Duration) bool {
	deadline := time.After(most)
	tick := time.NewTicker(Tick)
	defer tick.Stop()
	for r.Count(k, ch) < n {
		select {
		case <-deadline:
			return false
		case <-tick.C:
		}
	}
	return true
}
