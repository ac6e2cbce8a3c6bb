package fleet

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
)

// Kinds of messages.
const (
	kindHello  = "hello" // a process begins
	kindHere   = "here"
	kindGone   = "gone"
	kindAsk    = "ask"
	kindAnswer = "answer"
)

// message is what travels between processes. Members pass over kinds, and parts, that
// they do not know.
type message struct {
	From   Process         `json:"from"`
	Kind   string          `json:"kind"`
	About  string          `json:"about,omitempty"`
	Number uint64          `json:"number,omitempty"`
	Body   json.RawMessage `json:"body,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// The bus carries events. A message is dressed as one: its position means nothing.
const (
	dressEpoch = event.Epoch("fleet")
	dressSeq   = 1
)

var dressHead = []byte("event: fleet\ndata: ")

// send publishes, and returns how many subscribers there are, or -1.
func (m *Member) send(ctx context.Context, to event.Channel, msg message) (reached int, err error) {
	ctx, cancel := context.WithTimeout(ctx, Wait)
	defer cancel()
	msg.From = m.cfg.Self
	text, err := json.Marshal(msg)
	if err != nil {
		return 0, err
	}
	frame := append(append(bytes.Clone(dressHead), text...), '\n')
	receivers, err := m.cfg.Bus.Publish(ctx, []fanout.Message{{Channel: to, Epoch: dressEpoch, Seq: dressSeq, Frame: frame}})
	if err != nil {
		return 0, err
	}
	return receivers[0], nil
}

// undress reads a message; false: it is none, or the member's own.
func (m *Member) undress(f event.Frame) (msg message, ok bool) {
	text, ok := bytes.CutPrefix(f, dressHead)
	if !ok || json.Unmarshal(text, &msg) != nil {
		return msg, false
	}
	return msg, msg.From.ID != "" && msg.From.ID != m.cfg.Self.ID
}

// Tap makes a handler that keeps the fleet's messages for the member and hands all else
// on to h. Nil: there is nothing else.
func (m *Member) Tap(h fanout.Handler) fanout.Handler {
	if h == nil {
		h = nobody{}
	}
	return tap{h, m}
}

type tap struct {
	fanout.Handler

	m *Member
}

// Message implements fanout.Handler.
func (t tap) Message(msg fanout.Message) {
	if msg.Channel != questions && msg.Channel != t.m.replies {
		t.Handler.Message(msg)
		return
	}
	if got, ok := t.m.undress(msg.Frame); ok {
		select {
		case t.m.in <- got:
		default:
		}
	}
}

// Suspect implements fanout.Handler.
func (t tap) Suspect(yes bool) {
	t.m.doubt.Store(yes)
	t.Handler.Suspect(yes)
}

// nobody is a handler that wants nothing.
type nobody struct{}

func (nobody) Message(fanout.Message)     {}
func (nobody) Subscribed(event.Channel)   {}
func (nobody) Unsubscribed(event.Channel) {}
func (nobody) Lost(event.Channel)         {}
func (nobody) Suspect(bool)               {}

var _ fanout.Handler = tap{}
