package client

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Event is what is published. The notifier checks it; what breaks a rule comes
// back as an ErrInvalid that names the place.
type Event struct {
	// Channels are the channels that get the event, such as "user:42". Users are the
	// people whose inboxes get it, as their tokens name them. Both together are 1 to
	// 1000. All of them get the event, or none does.
	Channels, Users []string
	// Type is the kind of event: a letter, then letters, digits and "._-". It
	// is what listeners of EventSource are registered for.
	Type string
	// Data is anything that encoding/json can write, up to 65,024 bytes of JSON. A
	// json.RawMessage reaches clients as it is, numbers exact. Nil is the JSON
	// value null.
	Data any
	// ExpiresAt is when the event is hidden. The zero time means never.
	ExpiresAt time.Time
	// CollapseKey is 1 to 128 printable ASCII characters. The event replaces the
	// newest unread item of the inbox with the same key. Empty: it replaces none.
	CollapseKey string
	// Renew has the event replace the item with its CollapseKey even if that is read.
	Renew bool
	// Critical has the event appear in inboxes of people who mute its type, too.
	Critical bool
	// IdempotencyKey is 1 to 255 printable ASCII characters, without a space at
	// either end. It is the event's name among those of the service: within 24 hours
	// the event is written once, however often and by whichever process it is
	// published. If it is empty, each call makes one up. That makes the attempts of
	// one call safe, but not a second call. An event that comes out of a database
	// should have a key that is made of its row.
	IdempotencyKey string
	// AskOnline asks whether somebody listens: see Position.
	AskOnline bool
}

// Position is where an event stands in one channel.
type Position struct {
	Channel string `json:"channel"`
	// User is the person, of a channel that Users named.
	User string `json:"user"`
	// Seq is 0 where Muted is true.
	Seq uint64 `json:"seq"`
	// Muted tells that the person mutes events of this type: the event is not there.
	Muted bool `json:"muted,omitempty"`
	// Online tells whether somebody was listening, if that was asked for and is
	// known; nil if not. It is a hint: they may be gone before the event is there.
	Online *bool `json:"online"`
}

// Receipt is the notifier's word that an event is on disk.
type Receipt struct {
	// Events has the event's position in each of its channels, then in the inbox of
	// each of its users, in their order.
	Events []Position
	// Replayed tells that it had been written earlier, under the same idempotency
	// key, and that nothing was written now. Events is the first answer's.
	Replayed bool
}

// eventJSON is an Event on the wire.
type eventJSON struct {
	Channels       []string  `json:"channels,omitempty"`
	Users          []string  `json:"users,omitempty"`
	Type           string    `json:"type"`
	Data           any       `json:"data"` // a json.RawMessage
	ExpiresAt      time.Time `json:"expires_at,omitzero"`
	CollapseKey    string    `json:"collapse_key,omitempty"`
	Renew          bool      `json:"renew,omitempty"`
	Critical       bool      `json:"critical,omitempty"`
	IdempotencyKey string    `json:"idempotency_key,omitempty"` // in a batch; else it is a header
	AskOnline      bool      `json:"-"`                         // it is in the query
}

// item is an event whose data is encoded and whose idempotency key is chosen: it
// can be sent as often as it takes.
type item struct {
	event Event
	size  int // of its data, in bytes
}

// maxKey is the longest idempotency key, in bytes, as the notifier has it.
const maxKey = 255

// prepare encodes an event once for all attempts. What it refuses could not be
// sent at all, alone or among others: no attempt would do better.
func prepare(e Event) (item, error) {
	data, err := encode(e.Data)
	if err != nil {
		return item{}, fmt.Errorf("client: data of an event of type %q: %w", e.Type, err)
	}
	if _, err := e.ExpiresAt.MarshalJSON(); err != nil {
		return item{}, fmt.Errorf("client: expiry of an event of type %q: %w", e.Type, err)
	}
	if !validKey(e.IdempotencyKey) {
		return item{}, fmt.Errorf("%w: IdempotencyKey of an event of type %q: want at most %d printable ASCII characters, no space at either end",
			ErrInvalid, e.Type, maxKey)
	}
	e.Data = json.RawMessage(data)
	if e.IdempotencyKey == "" {
		e.IdempotencyKey = rand.Text()
	}
	return item{e, len(data)}, nil
}

// validKey tells whether a key is one, or empty. A header loses the spaces around
// its value and a body does not: with them, one event would have two keys.
func validKey(key string) bool {
	return len(key) <= maxKey && strings.TrimSpace(key) == key &&
		!strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' })
}

// encode writes JSON without the escapes that only help inside HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
