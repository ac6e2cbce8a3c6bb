package fanouttest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
)

// How long a test waits for what has to happen, and how often it looks.
const (
	WaitFor = 20 * time.Second
	Tick    = 5 * time.Millisecond
)

// Kind says which method of a handler was called.
type Kind string

// Kinds of calls.
const (
	Message      Kind = "message"
	Subscribed   Kind = "subscribed"
	Unsubscribed Kind = "unsubscribed"
	Lost         Kind = "lost"
	Suspect      Kind = "suspect"
	Trusted      Kind = "trusted" // Suspect(false)
)

// Call is one call of a handler's method.
type Call struct {
	Kind    Kind
	Channel event.Channel // empty for Suspect and Trusted
	Message fanout.Message
}

// Recorder is a handler that writes down what it is told. The zero value is ready
// for use.
type Recorder struct {
	// Hold, if set before the subscriber is made, is called before a message is
	// written down and may block, as no real handler should.
	Hold func(event.Channel)

	mu    sync.Mutex
	calls []Call
}

var _ fanout.Handler = (*Recorder)(nil)

// Message implements fanout.Handler.
func (r *Recorder) Message(m fanout.Message) {
	if r.Hold != nil {
		r.Hold(m.Channel)
	}
	r.add(Call{Kind: Message, Channel: m.Channel, Message: m})
}

// Subscribed implements fanout.Handler.
func (r *Recorder) Subscribed(ch event.Channel) { r.add(Call{Kind: Subscribed, Channel: ch}) }

// Unsubscribed implements fanout.Handler.
func (r *Recorder) Unsubscribed(ch event.Channel) { r.add(Call{Kind: Unsubscribed, Channel: ch}) }

// Lost implements fanout.Handler.
func (r *Recorder) Lost(ch event.Channel) { r.add(Call{Kind: Lost, Channel: ch}) }

// Suspect implements fanout.Handler.
func (r *Recorder) Suspect(suspect bool) {
	if suspect {
		r.add(Call{Kind: Suspect})
	} else {
		r.add(Call{Kind: Trusted})
	}
}

func (r *Recorder) add(c Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, c)
}

// Calls returns all calls so far, in order.
func (r *Recorder) Calls() []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

// Of returns the calls for one channel.
func (r *Recorder) Of(ch event.Channel) []Call {
	return slices.DeleteFunc(r.Calls(), func(c Call) bool { return c.Channel != ch })
}

// Count is how many calls there were of a kind for a channel.
func (r *Recorder) Count(k Kind, ch event.Channel) int {
	n := 0
	for _, c := range r.Calls() {
		if c.Kind == k && c.Channel == ch {
			n++
		}
	}
	return n
}

// Seqs returns the seqs of a channel's messages, in the order of their coming.
func (r *Recorder) Seqs(ch event.Channel) []uint64 {
	var seqs []uint64
	for _, c := range r.Of(ch) {
		if c.Kind == Message {
			seqs = append(seqs, c.Message.Seq)
		}
	}
	return seqs
}

// Forget drops what was written down.
func (r *Recorder) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = nil
}

// WaitCount waits until there were at least n calls of a kind for a channel.
func (r *Recorder) WaitCount(tb testing.TB, k Kind, ch event.Channel, n int) {
	tb.Helper()
	require.True(tb, r.awaits(k, ch, n, WaitFor), "%d times %s for %q", n, k, ch)
}

// awaits is WaitCount for any goroutine. It tells whether there were so many in time.
func (r *Recorder) awaits(k Kind, ch event.Channel, n int, most time.Duration) bool {
	for deadline := time.Now().Add(most); r.Count(k, ch) < n; <-time.After(Tick) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// WaitAll waits until there was a call of a kind for each of the channels.
func (r *Recorder) WaitAll(tb testing.TB, k Kind, channels []event.Channel) {
	tb.Helper()
	require.Eventually(tb, func() bool {
		seen := make(map[event.Channel]bool)
		for _, c := range r.Calls() {
			if c.Kind == k {
				seen[c.Channel] = true
			}
		}
		return !slices.ContainsFunc(channels, func(ch event.Channel) bool { return !seen[ch] })
	}, WaitFor, Tick, "%s for all of %d channels", k, len(channels))
}

// Channels makes n names of channels that differ from test to test.
func Channels(tb testing.TB, n int) []event.Channel {
	tb.Helper()
	unique := time.Now().UnixNano()
	channels := make([]event.Channel, n)
	for i := range channels {
		ch, err := event.ParseChannel(fmt.Sprintf("user:%d-%d", unique, i))
		require.NoError(tb, err)
		channels[i] = ch
	}
	return channels
}

// NewMessage makes a message with a frame of about size bytes.
func NewMessage(ch event.Channel, seq uint64, size int) fanout.Message {
	data := fmt.Appendf(nil, `"%0*d"`, size, seq)
	return fanout.Message{
		Channel: ch,
		Epoch:   "e1",
		Seq:     seq,
		Frame:   event.NewFrame(&event.Event{Channel: ch, Seq: seq, Type: "test", Time: time.UnixMilli(1), Data: data}),
	}
}
