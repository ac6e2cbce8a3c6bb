// Package fanouttest has the suite that every bus passes, and a handler that
// writes down what it is told.
package fanouttest

import (
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
)

// Factory makes a bus for one test. What it needs ends with the test.
type Factory func(t *testing.T, cfg fanout.Config) fanout.Bus

// Breaker is a bus that a test can cut off from its subscribers, which then find
// their way back by themselves.
type Breaker interface {
	fanout.Bus
	// Break closes the subscribers' connections, Away until the returned
	// function is called.
	Break()
	Away() (back func())
}

// Uncounted is a bus whose Publish can't tell how many received a message.
type Uncounted interface{ Uncounted() }

// Steady is a configuration whose times a busy machine keeps to: for tests of
// anything but these.
var Steady = fanout.Config{PublishTimeout: WaitFor, PingInterval: WaitFor / 2, ProbeTimeout: WaitFor}

// Run runs the suite.
func Run(t *testing.T, factory Factory) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Factory){
		"begins in doubt and proves itself":                        testProvesItself,
		"messages of a channel keep their order":                   testOrder,
		"a message arrives as it was sent":                         testContent,
		"a long frame is left out":                                 testLongFrame,
		"receivers are counted":                                    testReceivers,
		"an acknowledgement comes before the messages":             testAcknowledgedFirst,
		"each operation is acknowledged once":                      testOneAcknowledgement,
		"a subscription can be given up before it is acknowledged": testGivenUpEarly,
		"nothing comes after the end of a subscription":            testSilence,
		"many channels in one call":                                testManyChannels,
		"a slow handler holds up few others":                       testSlowHandler,
		"what is dropped is told":                                  testOverflow,
		"what is dropped for its size is told":                     testOverflowOfBytes,
		"no call comes after Close":                                testClose,
		"a broken connection is told and made anew":                breaking(testBreak),
		"trust comes after the acknowledgements":                   breaking(testTrustComesLast),
		"operations during an outage are acknowledged once":        breaking(testOperationsWhileAway),
		"what is given up during an outage ends then":              breaking(testGivenUpWhileAway),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, func(t *testing.T, cfg fanout.Config) fanout.Bus {
				t.Helper()
				cfg.PublishTimeout, cfg.PingInterval, cfg.ProbeTimeout = Steady.PublishTimeout, Steady.PingInterval, Steady.ProbeTimeout
				return factory(t, cfg)
			})
		})
	}
}

// breaking is a test of buses that can be cut off. Others are never away.
func breaking(test func(*testing.T, Breaker)) func(*testing.T, Factory) {
	return func(t *testing.T, factory Factory) {
		if bus, ok := factory(t, fanout.Config{}).(Breaker); ok {
			test(t, bus)
		}
	}
}

func testProvesItself(t *testing.T, factory Factory) {
	r := new(Recorder)
	subscribe(t, factory(t, fanout.Config{}), r)
	last := Suspect
	for _, c := range r.Calls() {
		if c.Channel == "" {
			last = c.Kind
		}
	}
	require.Equal(t, Trusted, last)
}

func testOrder(t *testing.T, factory Factory) {
	const each = 200
	bus, r, channels := factory(t, fanout.Config{}), new(Recorder), Channels(t, 20)
	subscribe(t, bus, r, channels...)
	var want []uint64
	for seq := uint64(1); seq <= each; seq++ {
		want = append(want, seq)
	}
	for first := uint64(1); first <= each; first += 10 {
		var batch []fanout.Message
		for seq := first; seq < first+10; seq++ {
			batch = append(batch, oneEach(channels, seq, 10)...)
		}
		publish(t, bus, batch...)
	}
	for _, ch := range channels {
		r.WaitCount(t, Message, ch, each)
		require.Equal(t, want, r.Seqs(ch))
	}
}

func testContent(t *testing.T, factory Factory) {
	bus, r, channels := factory(t, fanout.Config{}), new(Recorder), Channels(t, 1)
	subscribe(t, bus, r, channels...)
	full := NewMessage(channels[0], 7, 1000)
	hint := fanout.Message{Channel: channels[0], Epoch: "e2"}
	top := fanout.Message{Channel: channels[0], Epoch: "0123456789abcdef", Seq: event.MaxSeq, Frame: full.Frame}
	note := fanout.Message{Channel: channels[0], Epoch: "e2", Seq: 9, Note: &event.Note{
		Version: 12, Head: 9, Unread: 3, Kind: event.NoteUnread, Seqs: []uint64{2, 9},
	}}
	publish(t, bus, full, hint, top, note)
	r.WaitCount(t, Message, channels[0], 4)
	var got []fanout.Message
	for _, c := range r.Of(channels[0])[1:] {
		got = append(got, c.Message)
	}
	require.Equal(t, []fanout.Message{full, hint, top, note}, got)
}

func testLongFrame(t *testing.T, factory Factory) {
	bus, r, channels := factory(t, fanout.Config{MaxFrame: 1000}), new(Recorder), Channels(t, 1)
	subscribe(t, bus, r, channels...)
	publish(t, bus, NewMessage(channels[0], 1, 1000))
	r.WaitCount(t, Message, channels[0], 1)
	got := r.Of(channels[0])[1].Message
	require.Equal(t, fanout.Message{Channel: channels[0], Epoch: "e1", Seq: 1}, got)
}

func testReceivers(t *testing.T, factory Factory) {
	bus, channels := factory(t, fanout.Config{}), Channels(t, 3)
	subscribe(t, bus, new(Recorder), channels[0], channels[1])
	subscribe(t, bus, new(Recorder), channels[0])
	want := []int{2, 1, 0, 2}
	if _, ok := bus.(Uncounted); ok {
		want = []int{-1, -1, -1, -1}
	}
	require.Equal(t, want, publish(t, bus,
		NewMessage(channels[0], 1, 1), NewMessage(channels[1], 1, 1), NewMessage(channels[2], 1, 1), NewMessage(channels[0], 2, 1)))
	none, err := bus.Publish(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, none)
}

func testAcknowledgedFirst(t *testing.T, factory Factory) {
	bus, r, channels := factory(t, fanout.Config{}), new(Recorder), Channels(t, 100)
	s := subscribe(t, bus, r)
	stop := publishOn(t, bus, channels)
	for _, ch := range channels {
		s.Subscribe(ch)
	}
	r.WaitAll(t, Subscribed, channels)
	r.WaitAll(t, Message, channels)
	stop()
	for _, ch := range channels {
		require.Equal(t, Subscribed, r.Of(ch)[0].Kind)
		require.Equal(t, 1, r.Count(Subscribed, ch))
	}
}

func testOneAcknowledgement(t *testing.T, factory Factory) {
	const rounds = 30
	r, channels := new(Recorder), Channels(t, 8)
	s := subscribe(t, factory(t, fanout.Config{}), r)
	var users sync.WaitGroup
	for _, ch := range channels {
		users.Go(func() {
			for n, ok := 1, true; ok && n <= rounds; n++ {
				s.Subscribe(ch)
				ok = r.awaits(Subscribed, ch, n, WaitFor)
				s.Unsubscribe(ch)
				ok = ok && r.awaits(Unsubscribed, ch, n, WaitFor)
			}
		})
	}
	users.Wait()
	for _, ch := range channels {
		once := []Call{{Kind: Subscribed, Channel: ch}, {Kind: Unsubscribed, Channel: ch}}
		require.Equal(t, slices.Repeat(once, rounds), r.Of(ch))
	}
}

func testGivenUpEarly(t *testing.T, factory Factory) {
	bus, r, ch := factory(t, fanout.Config{}), new(Recorder), Channels(t, 1)[0]
	s := subscribe(t, bus, r)
	for n := 1; n <= 30; n++ {
		s.Subscribe(ch)
		s.Unsubscribe(ch)
		r.WaitCount(t, Unsubscribed, ch, n)
		calls := r.Of(ch)
		require.Equal(t, Unsubscribed, calls[len(calls)-1].Kind)
		require.LessOrEqual(t, r.Count(Subscribed, ch), n)
	}
	r.Forget()
	s.Subscribe(ch)
	r.WaitCount(t, Subscribed, ch, 1)
	publish(t, bus, NewMessage(ch, 1, 1))
	r.WaitCount(t, Message, ch, 1)
	require.Len(t, r.Of(ch), 2)
}

func testSilence(t *testing.T, factory Factory) {
	bus, r, channels := factory(t, fanout.Config{}), new(Recorder), Channels(t, 2)
	s := subscribe(t, bus, r, channels...)
	s.Unsubscribe(channels[0])
	r.WaitCount(t, Unsubscribed, channels[0], 1)
	publish(t, bus, NewMessage(channels[0], 1, 1), NewMessage(channels[1], 1, 1))
	r.WaitCount(t, Message, channels[1], 1)
	calls := r.Of(channels[0])
	require.Equal(t, Unsubscribed, calls[len(calls)-1].Kind)
	require.Zero(t, r.Count(Message, channels[0]))
}

func testManyChannels(t *testing.T, factory Factory) {
	// More than go into one command, and not a multiple of that.
	bus, r, channels := factory(t, fanout.Config{}), new(Recorder), Channels(t, 2000)
	s := subscribe(t, bus, r, channels...)
	publish(t, bus, oneEach(channels, 1, 10)...)
	r.WaitAll(t, Message, channels)
	s.Unsubscribe(channels...)
	r.WaitAll(t, Unsubscribed, channels)
	require.Len(t, r.Of(channels[0]), 3)
}
