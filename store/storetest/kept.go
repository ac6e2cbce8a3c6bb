package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/fanout/fanouttest"
	"github.com/bellhop/bellhop/store"
	"github.com/bellhop/bellhop/store/kept"
)

// KeptHarness is an empty log of package kept, and what a test needs besides.
type KeptHarness struct {
	Log kept.Log
	// Bus is the one that the log publishes on, and that Config.Prefix names.
	Bus fanout.Bus
	// Forget has the log lose a channel with all that belongs to it.
	Forget func(t *testing.T, ch event.Channel)
	// Counts tells that the bus knows how many it handed a message to.
	Counts bool
}

// KeptFactory makes a log that ends with the test.
type KeptFactory func(t *testing.T, cfg kept.Config) KeptHarness

// RunKept runs the suite for logs that keep each channel by itself. Compared with
// Run it leaves out what such a log lacks: a tail, since an append publishes in
// the same step; deleting and expiring by request, reading and revoking, which
// are for inboxes; and one epoch for all channels.
func RunKept(t *testing.T, open KeptFactory) {
	for _, group := range []map[string]keptTest{
		keptAppendTests, keptKeyTests, keptTrimTests, keptEpochTests, keptBusTests, keptConcurrencyTests,
	} {
		for name, test := range group {
			t.Run(name, func(t *testing.T) {
				h := open(t, kept.Config{Retention: test.retention(), MaxFrame: 1 << 10})
				test.run(t, keptLog{h, h.anyLog()})
			})
		}
	}
	for name, test := range bothTests {
		t.Run(name, func(t *testing.T) {
			test(t, open(t, kept.Config{Retention: keptTest{}.retention(), MaxFrame: 1 << 10}).anyLog())
		})
	}
}

// keptLog is a harness with the steps that tests take.
type keptLog struct {
	KeptHarness
	anyLog
}

// keptTest is a test on a log that keeps this much of each channel.
type keptTest struct {
	keep store.Retention
	run  func(*testing.T, keptLog)
}

func (k keptTest) retention() func(event.Channel) store.Retention {
	return func(event.Channel) store.Retention { return k.keep }
}

// walk trims all channels once.
func (h KeptHarness) walk(t *testing.T) {
	t.Helper()
	for at, first := (store.KeptCursor{}), true; first || at != (store.KeptCursor{}); first = false {
		var err error
		at, err = h.Log.Trim(t.Context(), at)
		require.NoError(t, err)
	}
}

// listen hears what is published on topic.
func (h KeptHarness) listen(t *testing.T) *fanouttest.Recorder {
	t.Helper()
	r := new(fanouttest.Recorder)
	s := h.Bus.Subscriber(r)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	s.Subscribe(topic)
	r.WaitCount(t, fanouttest.Subscribed, topic, 1)
	return r
}

// heard waits for n messages on topic and returns them.
func heard(t *testing.T, r *fanouttest.Recorder, n int) []fanout.Message {
	t.Helper()
	r.WaitCount(t, fanouttest.Message, topic, n)
	var messages []fanout.Message
	for _, call := range r.Of(topic) {
		if call.Kind == fanouttest.Message {
			messages = append(messages, call.Message)
		}
	}
	require.Len(t, messages, n)
	return messages
}

// topic is a channel for whoever does not care.
const topic event.Channel = "topic:suite"

// about is how far the clocks of this machine and of a log may be apart.
const about = time.Minute
