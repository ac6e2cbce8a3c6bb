package fanout_test

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/fanout/fanouttest"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// BenchmarkBus measures messages from Publish, in groups of 500, to the handler.
// It counts what was handled, not what was sent.
func BenchmarkBus(b *testing.B) {
	b.Run("memory", func(b *testing.B) { benchmark(b, fanout.NewMemory(fanout.Config{})) })
	b.Run("redis", func(b *testing.B) {
		client, err := fanout.OpenRedis(testenv.Redis(b).URL())
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, client.Close()) })
		benchmark(b, fanout.NewRedis(client, quiet(fanout.Config{})))
	})
}

func benchmark(b *testing.B, bus fanout.Bus) {
	b.Helper()
	const group = 500
	h := &counter{acknowledged: make(chan struct{}, group), progress: make(chan struct{}, 1)}
	s := bus.Subscriber(h)
	b.Cleanup(func() { require.NoError(b, s.Close()) })
	channels := fanouttest.Channels(b, group)
	s.Subscribe(channels...)
	for range channels {
		<-h.acknowledged
	}
	messages := make([]fanout.Message, group)
	for i, ch := range channels {
		messages[i] = fanouttest.NewMessage(ch, 1, 200)
	}
	b.ReportAllocs()
	b.ResetTimer()
	published := 0
	for published < b.N {
		// No more than some groups are under way: the queues must not overflow.
		for published-int(h.handled.Load()) > 4*group {
			<-h.progress
		}
		n := min(group, b.N-published)
		_, err := bus.Publish(b.Context(), messages[:n])
		require.NoError(b, err)
		published += n
	}
	for int(h.handled.Load()) < published {
		<-h.progress
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// counter counts what arrives.
type counter struct {
	acknowledged chan struct{}
	progress     chan struct{}
	handled      atomic.Int64
}

func (c *counter) Message(fanout.Message) {
	c.handled.Add(1)
	select {
	case c.progress <- struct{}{}:
	default:
	}
}

func (c *counter) Subscribed(event.Channel)   { c.acknowledged <- struct{}{} }
func (c *counter) Unsubscribed(event.Channel) {}
func (c *counter) Lost(event.Channel) {
	panic("the benchmark overran the queue: its figures mean nothing")
}
func (c *counter) Suspect(bool) {}
