package hub

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/store"
)

// benchStreams is how many streams a benchmark has.
const benchStreams = 1000

// endless is a log in which every channel has the same events, and a bus that
// acknowledges at once: what is left is the hub's own work.
type endless struct {
	handler fanout.Handler
	head    uint64
	events  []event.Event
}

func (l *endless) Heads(_ context.Context, channels []event.Channel, _ bool) (store.Heads, error) {
	h := store.Heads{Epoch: "e1", Heads: make([]store.Head, len(channels))}
	for i, ch := range channels {
		h.Heads[i] = store.Head{Channel: ch, Seq: l.head}
	}
	return h, nil
}

func (l *endless) Ranges(_ context.Context, ranges []store.Range) ([]store.Page, error) {
	pages := make([]store.Page, len(ranges))
	for i, r := range ranges {
		last := min(r.After+uint64(r.Limit), l.head)
		pages[i] = store.Page{Head: store.Head{Channel: r.Channel, Seq: l.head}, Epoch: "e1", Events: l.events[r.After:last], Last: last}
	}
	return pages, nil
}

func (*endless) Tail(context.Context, store.Mark, func(store.Mark) bool) (store.Tail, error) {
	return store.Tail{Epoch: "e1"}, nil
}

func (l *endless) Subscribe(channels ...event.Channel) {
	for _, ch := range channels {
		l.handler.Subscribed(ch)
	}
}

func (*endless) Unsubscribe(...event.Channel) {}
func (*endless) Close() error                 { return nil }

// message is the next event of a channel, as the bus brings it.
func (l *endless) message(ch event.Channel, seq uint64) fanout.Message {
	return fanout.Message{Channel: ch, Epoch: "e1", Seq: seq, Frame: event.NewFrame(&event.Event{
		Channel: ch, Seq: seq, Type: "comment", Time: time.UnixMilli(1795291528123), Data: []byte(`{"pad":"` + strings.Repeat("x", 110) + `"}`),
	})}
}

func newEndless(b *testing.B, head uint64, remember int) (*Hub, *endless) {
	b.Helper()
	l := &endless{head: head}
	for seq := range head {
		l.events = append(l.events, event.Event{Channel: "topic:a", Seq: seq + 1, Type: "comment", Data: []byte(`{"pad":"` + strings.Repeat("x", 110) + `"}`)})
	}
	h, err := New(Config{Log: l, Remember: remember, Bus: func(handler fanout.Handler) (fanout.Subscriber, error) {
		l.handler = handler
		return l, nil
	}})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, h.Close()) })
	return h, l
}

// puller is a connection whose socket takes everything.
type puller struct {
	stream *Stream
	bufs   [][]byte
	woken  atomic.Int64
	bytes  int
}

func (p *puller) Wake(uint64) { p.woken.Add(1) }

// pull writes what there is.
func (p *puller) pull() {
	for {
		bufs, _ := p.stream.Next(p.bufs[:0], 16<<10)
		if len(bufs) == 0 {
			return
		}
		for _, buf := range bufs {
			p.bytes += len(buf)
		}
		p.bufs = bufs[:0]
	}
}

// openStreams opens streams and pulls until all are live.
func openStreams(b *testing.B, h *Hub, cursor string, channels func(i int) []event.Channel) []*puller {
	b.Helper()
	cur, err := event.ParseCursor(cursor)
	require.NoError(b, err)
	all := make([]*puller, benchStreams)
	for i := range all {
		s, err := h.Open(Request{Channels: channels(i), Cursor: cur, Retry: time.Second})
		require.NoError(b, err)
		all[i] = &puller{stream: s}
		s.Start(all[i], 0)
	}
	for live := 0; live < len(all); {
		live = 0
		for _, p := range all {
			if p.woken.Swap(0) > 0 {
				p.pull()
			}
			if p.stream.ready {
				live++
			}
		}
		runtime.Gosched()
	}
	return all
}

func closeStreams(all []*puller) {
	for _, p := range all {
		p.stream.Close(conn.ReasonClient)
	}
}

// BenchmarkFanOut is one event to all streams of a channel: taken from the bus,
// waking each, and handed to each.
func BenchmarkFanOut(b *testing.B) {
	for name, channels := range map[string]func(i int) []event.Channel{
		"one channel":     func(int) []event.Channel { return []event.Channel{"topic:a"} },
		"inbox and topic": func(i int) []event.Channel { return []event.Channel{event.Channel(fmt.Sprint("user:", i)), "topic:a"} },
	} {
		b.Run(name, func(b *testing.B) {
			benchFanOut(b, 0, channels)
		})
	}
}

// benchFanOut measures one event to all streams of topic:a, of a hub that remembers so
// many events.
func benchFanOut(b *testing.B, remember int, channels func(i int) []event.Channel) {
	b.Helper()
	h, l := newEndless(b, 0, remember)
	all := openStreams(b, h, "", channels)
	defer closeStreams(all)
	seq := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		seq++
		l.handler.Message(l.message("topic:a", seq))
		for _, p := range all {
			p.pull()
		}
	}
	perStream(b)
}

// BenchmarkRemember is BenchmarkFanOut of one channel with and without a memory of what was
// handed over, by turns, so that both see the same machine.
func BenchmarkRemember(b *testing.B) {
	for _, events := range []int{0, 10_000} {
		b.Run(strconv.Itoa(events), func(b *testing.B) {
			benchFanOut(b, events, func(int) []event.Channel { return []event.Channel{"topic:a"} })
		})
	}
}

// BenchmarkTargeted is one event to one of many streams with an inbox each.
func BenchmarkTargeted(b *testing.B) {
	inbox := func(i int) event.Channel { return event.Channel(fmt.Sprint("user:", i)) }
	h, l := newEndless(b, 0, 0)
	all := openStreams(b, h, "", func(i int) []event.Channel { return []event.Channel{inbox(i)} })
	defer closeStreams(all)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		i := n % benchStreams
		l.handler.Message(l.message(inbox(i), uint64(n/benchStreams)+1))
		all[i].pull()
		n++
	}
}

// BenchmarkJoin is streams that come at once, each to an inbox of its own, up to
// their bellhop.ready, and go again.
func BenchmarkJoin(b *testing.B) {
	h, _ := newEndless(b, 100, 0)
	round := 0
	b.ReportAllocs()
	for b.Loop() {
		round++
		closeStreams(openStreams(b, h, "", func(i int) []event.Channel {
			return []event.Channel{event.Channel(fmt.Sprint("user:", round, "-", i))}
		}))
	}
	perStream(b)
}

// BenchmarkResume is the same with a cursor a hundred events back, which are read
// from the log.
func BenchmarkResume(b *testing.B) {
	h, _ := newEndless(b, 100, 0)
	b.ReportAllocs()
	for b.Loop() {
		closeStreams(openStreams(b, h, "0", func(int) []event.Channel { return []event.Channel{"topic:a"} }))
	}
	perStream(b)
}

// perStream reports what one stream's share of an operation takes.
func perStream(b *testing.B) {
	b.Helper()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchStreams), "ns/stream")
}
