package fanouttest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
)

// waitCount is Recorder.WaitCount for goroutines that are not the test's.
func waitCount(r *Recorder, k Kind, ch event.Channel, n int) bool {
	deadline := time.After(WaitFor)
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

func testSlowHandler(t *testing.T, factory Factory) {
	channels := Channels(t, 65)
	slow, fast := channels[0], channels[1:]
	release := make(chan struct{})
	r := &Recorder{Hold: func(ch event.Channel) {
		if ch == slow {
			<-release
		}
	}}
	bus := factory(t, fanout.Config{Workers: 4})
	subscribe(t, bus, r, channels...)
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free)

	messages := []fanout.Message{NewMessage(slow, 1, 1)}
	for _, ch := range fast {
		messages = append(messages, NewMessage(ch, 1, 1))
	}
	publish(t, bus, messages...)
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
	const queue, sent = 50, 200
	ch := Channels(t, 1)[0]
	release := make(chan struct{})
	r := &Recorder{Hold: func(event.Channel) { <-release }}
	bus := factory(t, fanout.Config{Workers: 1, Queue: queue})
	subscribe(t, bus, r, ch)
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free)

	for seq := uint64(1); seq <= sent; seq++ {
		publish(t, bus, NewMessage(ch, seq, 1))
	}
	free()
	r.WaitCount(t, Lost, ch, 1)
	// What comes after the loss is handed over again.
	seq := uint64(sent)
	require.Eventually(t, func() bool {
		seq++
		if _, err := bus.Publish(t.Context(), []fanout.Message{NewMessage(ch, seq, 1)}); err != nil {
			return false
		}
		calls := r.Of(ch)
		return calls[len(calls)-1].Kind == Message
	}, WaitFor, Tick)

	calls := r.Of(ch)[1:]
	require.Equal(t, Lost, calls[queue].Kind, "the loss is told right behind what came before it")
	seqs := r.Seqs(ch)
	require.True(t, slices.IsSorted(seqs))
	require.Equal(t, uint64(queue), seqs[queue-1])
	require.Less(t, r.Count(Lost, ch), sent-queue, "one call stands for many losses")
}

func testClose(t *testing.T, factory Factory) {
	bus, r, channels := factory(t, fanout.Config{}), new(Recorder), Channels(t, 10)
	s := subscribe(t, bus, r, channels...)
	var publishing sync.WaitGroup
	stop := make(chan struct{})
	publishing.Go(func() {
		for seq := uint64(1); ; seq++ {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := bus.Publish(t.Context(), []fanout.Message{NewMessage(channels[seq%10], seq, 1)}); err != nil {
				return
			}
		}
	})
	r.WaitAll(t, Message, channels)
	var closing sync.WaitGroup
	for range 3 {
		closing.Go(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	closing.Wait()
	calls := len(r.Calls())
	s.Subscribe(channels...)
	s.Unsubscribe(channels...)
	other := new(Recorder)
	subscribe(t, bus, other, channels...)
	other.WaitAll(t, Message, channels)
	close(stop)
	publishing.Wait()
	require.Len(t, r.Calls(), calls)
}

func testBreak(t *testing.T, factory Factory) {
	bus, ok := factory(t, fanout.Config{}).(Breaker)
	if !ok {
		return // there is no connection that could break
	}
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

func testOperationsWhileAway(t *testing.T, factory Factory) {
	bus, ok := factory(t, fanout.Config{}).(Breaker)
	if !ok {
		return // it is never away
	}
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
