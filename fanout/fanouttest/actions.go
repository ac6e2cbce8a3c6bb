package fanouttest

import (
	"context"
	"sync"
	"testing"

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
			if _, err := bus.Publish(ctx, oneEach(channels, seq, 10)); err != nil && ctx.Err() == nil {
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

// oneEach makes a message for each of the channels.
func oneEach(channels []event.Channel, seq uint64, size int) []fanout.Message {
	messages := make([]fanout.Message, len(channels))
	for i, ch := range channels {
		messages[i] = NewMessage(ch, seq, size)
	}
	return messages
}

// holding makes a recorder that the messages of a channel hold up until it is freed,
// which has to be before its subscriber is closed.
func holding(ch event.Channel) (r *Recorder, free func()) {
	release := make(chan struct{})
	return &Recorder{Hold: func(of event.Channel) {
		if of == ch {
			<-release
		}
	}}, sync.OnceFunc(func() { close(release) })
}
