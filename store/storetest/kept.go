package storetest

import (
	"strconv"
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
		keptAppendTests, keptReadTests, keptKeyTests, keptTrimTests, keptEpochTests, keptBusTests, keptConcurrencyTests,
	} {
		for name, test := range group {
			t.Run(name, func(t *testing.T) {
				test.run(t, open(t, kept.Config{Retention: test.retention(), MaxFrame: 1 << 10}))
			})
		}
	}
}

// keptTest is a test on a log that keeps this much of each channel.
type keptTest struct {
	keep store.Retention
	run  func(*testing.T, KeptHarness)
}

func (k keptTest) retention() func(event.Channel) store.Retention {
	return func(event.Channel) store.Retention { return k.keep }
}

// write appends entries that must succeed.
func (h KeptHarness) write(t *testing.T, entries ...store.Entry) []store.KeptAppended {
	t.Helper()
	results := h.Log.Append(t.Context(), entries)
	require.Len(t, results, len(entries))
	for _, r := range results {
		require.NoError(t, r.Err)
		require.True(t, r.Epoch.Valid(), r.Epoch)
		require.Len(t, r.Seqs, 1)
	}
	return results
}

// fill appends n events to a channel, with the data 1, 2, 3 and so on.
func (h KeptHarness) fill(t *testing.T, c event.Channel, n int) event.Epoch {
	t.Helper()
	entries := make([]store.Entry, n)
	for i := range entries {
		entries[i] = entry(strconv.Itoa(i+1), c)
	}
	return h.write(t, entries...)[n-1].Epoch
}

func (h KeptHarness) head(t *testing.T, c event.Channel) store.KeptHead {
	t.Helper()
	heads, err := h.Log.Heads(t.Context(), []event.Channel{c}, false)
	require.NoError(t, err)
	require.Len(t, heads, 1)
	return heads[0]
}

func (h KeptHarness) page(t *testing.T, r store.Range) store.Page {
	t.Helper()
	pages, err := h.Log.Ranges(t.Context(), []store.Range{r})
	require.NoError(t, err)
	require.Len(t, pages, 1)
	return pages[0]
}

// all reads what there is of a channel.
func (h KeptHarness) all(t *testing.T, c event.Channel) []event.Event {
	t.Helper()
	var events []event.Event
	for after := uint64(0); ; {
		p := h.page(t, store.Range{Channel: c, After: after, Limit: 100})
		events = append(events, p.Events...)
		if p.Last >= p.Seq {
			return events
		}
		require.Greater(t, p.Last, after, "a page that does not reach the head goes on")
		after = p.Last
	}
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
