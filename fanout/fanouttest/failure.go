package fanouttest

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
)

func testSlowHandler(t *testing.T, factory Factory) {
	channels := Channels(t, 65)
	slow, fast := channels[0], channels[1:]
	r, free := holding(slow)
	bus := factory(t, fanout.Config{Workers: 4})
	subscribe(t, bus, r, channels...)
	t.Cleanup(free)
	publish(t, bus, oneEach(channels, 1, 1)...)
	reached := func() (n int) {
		for _, ch := range fast {
			n += r.Count(Message, ch)
		}
		return n
	}
	// One of four workers hangs. That it has more than half of 64 channels is
	// less likely than one in a million.
	require.Eventually(t, func() bool { return reached() >= len(fast)/2 }, WaitFor, Tick)
	free()
	r.WaitAll(t, Message, channels)
}

func testOverflow(t *testing.T, factory Factory) {
	testDropped(t, factory, fanout.Config{Workers: 1, Queue: held})
}

func testOverflowOfBytes(t *testing.T, factory Factory) {
	ch, bytes := Channels(t, 1)[0], 0
	for seq := uint64(1); seq <= held; seq++ {
		bytes += len(NewMessage(ch, seq, 100).Frame)
	}
	testDropped(t, factory, fanout.Config{Workers: 1, QueueBytes: bytes})
}

// held is how many messages of testDropped a queue takes.
const held = 50

// mostRounds bounds how often testDropped tries to fill a queue before its handler is free.
const mostRounds = 20

func testDropped(t *testing.T, factory Factory, cfg fanout.Config) {
	t.Helper()
	const sent = 4 * held
	ch := Channels(t, 1)[0]
	bus := factory(t, cfg)
	overflow := func() *Recorder {
		r, free := holding(ch)
		subscribe(t, bus, r, ch)
		t.Cleanup(free)
		for seq := uint64(1); seq <= sent; seq++ {
			publish(t, bus, NewMessage(ch, seq, 100))
		}
		free()
		require.Eventually(t, func() bool { return r.Count(Lost, ch) > 0 || len(r.Seqs(ch)) == sent }, WaitFor, Tick)
		return r
	}
	lostRightBehind := func(r *Recorder) bool {
		calls := r.Of(ch)[1:]
		return len(calls) > held && calls[held].Kind == Lost
	}
	// Whoever reads the bus may not have read enough when the handler is free again. Then
	// nothing is dropped, or later on, and it has to be tried once more.
	r := overflow()
	for rounds := 1; !lostRightBehind(r); rounds++ {
		require.Less(t, rounds, mostRounds, "the loss is told right behind what came before it")
		r = overflow()
	}
	// What comes after the loss is handed over again.
	seq := uint64(sent)
	require.Eventually(t, func() bool {
		seq++
		if _, err := bus.Publish(t.Context(), []fanout.Message{NewMessage(ch, seq, 100)}); err != nil {
			return false
		}
		calls := r.Of(ch)
		return calls[len(calls)-1].Kind == Message
	}, WaitFor, Tick)

	seqs := r.Seqs(ch)
	require.True(t, slices.IsSorted(seqs))
	require.Equal(t, uint64(held), seqs[held-1])
	require.Less(t, r.Count(Lost, ch), sent-held, "one call stands for many losses")
}

func testClose(t *testing.T, factory Factory) {
	bus, r, channels := factory(t, fanout.Config{}), new(Recorder), Channels(t, 10)
	s := subscribe(t, bus, r, channels...)
	stop := publishOn(t, bus, channels)
	r.WaitAll(t, Message, channels)
	doubts := r.Count(Suspect, "")
	var closing sync.WaitGroup
	for range 3 {
		closing.Go(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	closing.Wait()
	require.Equal(t, doubts, r.Count(Suspect, ""), "an end is no failure")
	calls := len(r.Calls())
	s.Unsubscribe(channels...)
	s.Subscribe(channels...)
	other := new(Recorder)
	subscribe(t, bus, other, channels...)
	other.WaitAll(t, Message, channels)
	stop()
	require.Len(t, r.Calls(), calls)
	if _, ok := bus.(Uncounted); !ok {
		require.Eventually(t, func() bool {
			receivers, err := bus.Publish(t.Context(), []fanout.Message{NewMessage(channels[0], 1, 1)})
			return err == nil && receivers[0] == 1
		}, WaitFor, Tick, "the bus still hands over to what is closed")
	}
}

func testBreak(t *testing.T, bus Breaker) {
	r, channels := new(Recorder), Channels(t, 1500)
	s := subscribe(t, bus, r, channels...)
	s.Unsubscribe(channels[0])
	r.WaitCount(t, Unsubscribed, channels[0], 1)
	held := channels[1:]
	for range 3 {
		r.Forget()
		bus.Break()
		r.WaitCount(t, Trusted, "", 1)
		calls := r.Calls()
		require.Equal(t, Suspect, calls[0].Kind)
		require.Equal(t, Trusted, calls[len(calls)-1].Kind, "trust before a subscription was acknowledged anew")
		require.Len(t, calls, 2+len(held))
		r.WaitAll(t, Subscribed, held)

		publish(t, bus, NewMessage(channels[0], 1, 1), NewMessage(held[0], 1, 1), NewMessage(held[len(held)-1], 1, 1))
		r.WaitCount(t, Message, held[0], 1)
		r.WaitCount(t, Message, held[len(held)-1], 1)
		require.Empty(t, r.Of(channels[0]))
	}
}

// patient is a handler that takes its time for the acknowledgement of a channel.
type patient struct {
	*Recorder
	slow event.Channel
	hold atomic.Bool
	// early: trust came before that call had returned.
	early atomic.Bool
}

func (p *patient) Subscribed(ch event.Channel) {
	if ch == p.slow && p.hold.Load() {
		p.early.Store(p.awaits(Trusted, "", 1, patience))
	}
	p.Recorder.Subscribed(ch)
}

// patience is many times what a probe takes.
const patience = 500 * time.Millisecond

func testTrustComesLast(t *testing.T, bus Breaker) {
	channels := Channels(t, 10)
	p := &patient{Recorder: new(Recorder), slow: channels[0]}
	s := bus.Subscriber(p)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	s.Subscribe(channels...)
	p.WaitAll(t, Subscribed, channels)
	p.WaitCount(t, Trusted, "", 1)
	p.Forget()

	p.hold.Store(true)
	bus.Break()
	p.WaitCount(t, Trusted, "", 1)
	require.Equal(t, 1, p.Count(Subscribed, p.slow))
	require.False(t, p.early.Load())
}

func testOperationsWhileAway(t *testing.T, bus Breaker) {
	r, channels := new(Recorder), Channels(t, 4)
	old, added := channels[:2], channels[2:]
	s := subscribe(t, bus, r, old...)
	r.Forget()

	back := bus.Away()
	r.WaitCount(t, Suspect, "", 1)
	s.Subscribe(added...)
	s.Unsubscribe(old[0])
	back()
	r.WaitAll(t, Subscribed, added)
	r.WaitCount(t, Unsubscribed, old[0], 1)
	r.WaitCount(t, Trusted, "", 1)
	for _, ch := range added {
		require.Equal(t, []Call{{Kind: Subscribed, Channel: ch}}, r.Of(ch))
	}
	require.Equal(t, []Call{{Kind: Unsubscribed, Channel: old[0]}}, r.Of(old[0]))

	publish(t, bus, NewMessage(old[0], 1, 1), NewMessage(old[1], 1, 1), NewMessage(added[0], 1, 1))
	r.WaitCount(t, Message, old[1], 1)
	r.WaitCount(t, Message, added[0], 1)
	require.Zero(t, r.Count(Message, old[0]))
}

func testGivenUpWhileAway(t *testing.T, bus Breaker) {
	r, channels := new(Recorder), Channels(t, 2)
	s := subscribe(t, bus, r, channels[0])
	back := bus.Away()
	r.WaitCount(t, Suspect, "", 1)
	r.Forget()
	s.Subscribe(channels[1])
	s.Unsubscribe(channels...)
	r.WaitAll(t, Unsubscribed, channels) // nobody is there who could hold them
	back()
	r.WaitCount(t, Trusted, "", 1)
	for _, ch := range channels {
		require.Equal(t, []Call{{Kind: Unsubscribed, Channel: ch}}, r.Of(ch))
	}
}
