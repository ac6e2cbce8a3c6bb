package hub

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
	"github.com/bellhop/bellhop/store/kept"
)

// BenchmarkJoinWhileAllAreLookedAt is a stream with an inbox and a new kept channel
// up to its bellhop.ready, while the hub holds many kept channels and the bus is in
// doubt, so that the heads of all of them are asked of Redis again and again.
func BenchmarkJoinWhileAllAreLookedAt(b *testing.B) {
	for _, held := range []int{10_000, 50_000} {
		b.Run(strconv.Itoa(held), func(b *testing.B) {
			h, l := newBesideRedis(b)
			var names []event.Channel
			for i := range held {
				names = append(names, event.Channel(fmt.Sprint("raffle:", i)))
			}
			for some := range slices.Chunk(names, 250) {
				p := start(b, h, some...)
				defer p.stream.Close(conn.ReasonClient)
				p.live(b)
			}
			l.handler.Suspect(true)
			var worst time.Duration
			n := 0
			for b.Loop() {
				n++
				b.StopTimer()
				<-time.After(time.Duration(n%37) * time.Millisecond) // anywhere in a look
				b.StartTimer()
				begun := time.Now()
				p := start(b, h, event.Channel(fmt.Sprint("user:", n)), event.Channel(fmt.Sprint("raffle:new", n)))
				p.live(b)
				took := time.Since(begun)
				worst = max(worst, took)
				b.ReportMetric(float64(worst.Milliseconds()), "worst-ms")
				p.stream.Close(conn.ReasonClient)
			}
		})
	}
}

// newBesideRedis is a hub whose kept channels, in the namespace raffle, are in a
// Redis of their own, with an event in each that is held.
func newBesideRedis(b *testing.B) (*Hub, *endless) {
	b.Helper()
	client, err := fanout.OpenRedis(testenv.Redis(b).URL())
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, client.Close()) })
	log := kept.NewRedis(client, kept.Config{})
	var entries []store.Entry
	for i := range 50_000 {
		entries = append(entries, store.Entry{
			Channels: []event.Channel{event.Channel(fmt.Sprint("raffle:", i))}, Type: "probability", Data: []byte("1"),
		})
	}
	for some := range slices.Chunk(entries, 500) {
		for _, done := range log.Append(b.Context(), some) {
			require.NoError(b, done.Err)
		}
	}
	l := &endless{}
	h, err := New(Config{
		Log: l, Kept: log,
		Rules: func(namespace string) Rules { return Rules{Kept: namespace == "raffle"} },
		Bus: func(handler fanout.Handler) (fanout.Subscriber, error) {
			l.handler = handler
			return l, nil
		},
	})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, h.Close()) })
	return h, l
}

// start opens a stream.
func start(b *testing.B, h *Hub, channels ...event.Channel) *waker {
	b.Helper()
	s, err := h.Open(Request{Channels: channels, Retry: time.Second})
	require.NoError(b, err)
	p := &waker{puller: puller{stream: s}, news: make(chan struct{}, 1)}
	s.Start(p, 0)
	return p
}

// waker is a puller that can wait.
type waker struct {
	puller

	news chan struct{}
}

func (w *waker) Wake(uint64) {
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// live pulls until the stream has said bellhop.ready.
func (w *waker) live(b *testing.B) {
	b.Helper()
	for !w.stream.ready {
		select {
		case <-w.news:
			w.pull()
		case <-time.After(20 * time.Second):
			b.Fatal("the stream does not become live")
		}
	}
}
