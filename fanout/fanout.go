// Package fanout is the bus: the fast, at-most-once way from the notifier to
// every gateway that holds a listener of a channel. It carries hints. What it
// loses the log still has, and the hub finds out.
package fanout

import (
	"context"

	"github.com/bellhop/bellhop/event"
)

// Message is what travels on the bus for one event of one channel.
type Message struct {
	Channel event.Channel
	Epoch   event.Epoch
	// Seq is the event's. Zero, which no event has, says that the tail of the log
	// holds something that is no event: look there.
	Seq uint64
	// Frame is the event, rendered. A message without one says only that the
	// channel changed in another way than by an append (or that the frame is
	// too large for the bus): ask the log.
	Frame event.Frame
	// Note, in a message without a frame, says how that change left an inbox;
	// Seq then is its Head. It is shared like a frame: never write to one.
	Note *event.Note
	// Trace, if the event is traced, names the span that published it: the id of the
	// trace, and that of the span.
	Trace *[TraceBytes]byte
}

// TraceBytes is the length of Message.Trace.
const TraceBytes = 24

// size is how many bytes a message keeps in memory, besides itself.
func (m *Message) size() int {
	if m.Note != nil {
		return 8 * len(m.Note.Seqs)
	}
	return len(m.Frame)
}

// Publisher sends messages. It is safe for concurrent use.
type Publisher interface {
	// Publish sends messages in order, in as few round trips as possible, and
	// returns for each how many subscribers the bus handed it to, or -1 where
	// that can't be known. On an error some may have been sent.
	Publish(ctx context.Context, messages []Message) (receivers []int, err error)
}

// Handler is told what happens on a subscription. Calls for one channel come
// one at a time and in order; calls for different channels may come at the same
// time. A handler must not block: it runs on the path that reads the bus.
type Handler interface {
	// Message hands over a message. Its Frame is the handler's to keep.
	Message(Message)
	// Subscribed acknowledges: what is published on the channel from before
	// this call on will be handed over. It may come again without having been
	// asked for (the connection to the bus was made anew): then messages may
	// have been lost before it.
	Subscribed(event.Channel)
	// Unsubscribed acknowledges an Unsubscribe: no further call for the
	// channel comes before it is subscribed to again.
	Unsubscribed(event.Channel)
	// Lost says that messages of the channel were dropped on this side.
	Lost(event.Channel)
	// Suspect says whether the bus is in doubt: true from the moment the
	// connection was lost or a probe stayed away, false once it has proven
	// itself again (every Subscribed that follows from it was called before).
	Suspect(bool)
}

// Subscriber listens to channels. One subscriber serves one handler, which it
// was given when it was made. It is safe for concurrent use.
//
// Every Subscribe and Unsubscribe is answered by exactly one acknowledgement to
// the handler, however often the connection breaks in between: a Subscribe some
// time after the bus can be reached, an Unsubscribe also while it can't. The caller
// keeps at most one operation in flight for each channel: an acknowledgement
// carries no number, so that it could not tell two apart. Only a Subscribe may be
// overtaken by an Unsubscribe, to give up what nobody acknowledges: the Subscribed
// then may stay away, and comes before the Unsubscribed if it does not.
type Subscriber interface {
	// Subscribe asks for channels. It does not wait.
	Subscribe(channels ...event.Channel)
	// Unsubscribe gives channels up. It does not wait.
	Unsubscribe(channels ...event.Channel)
	// Close ends the subscription and returns once no handler call is under
	// way and none will come. The handler must not call it. Closing again does
	// no harm; what is asked for afterwards is ignored.
	Close() error
}

// Bus is both ends.
type Bus interface {
	Publisher
	// Subscriber makes a subscriber for h. It begins in doubt: Suspect(false)
	// is called once it has proven itself for the first time.
	Subscriber(h Handler) Subscriber
}
