// Package store is the log: the ordered, durable record of channels, and the
// truth that everything else in Bellhop only hints at. It runs on MySQL (and
// MariaDB), a primary with any number of replicas, and on SQLite.
//
// The interfaces stand with their users (notifier, gateway/hub); this package
// has the implementations and the values they exchange. storetest is the suite
// that every implementation passes.
package store

import (
	"errors"
	"time"

	"github.com/bellhop/bellhop/event"
)

// Limits of one call.
const (
	// MaxChannels is the most channels that one Entry, and that one Heads
	// statement, may name.
	MaxChannels = 1000
	// MaxRanges is the most ranges that one Ranges call may ask for.
	MaxRanges = 500
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrUnavailable: the log could not be asked or did not answer. A write
	// that fails with it may have happened or not, unless ErrNotWritten is
	// wrapped as well.
	ErrUnavailable = errors.New("log unavailable")
	// ErrNotWritten: the write certainly did not happen.
	ErrNotWritten = errors.New("not written")
	// ErrNotPrimary: the server that answered is read-only, or its identity is
	// not the one that the current epoch belongs to. Wraps with ErrUnavailable.
	ErrNotPrimary = errors.New("server is not the primary")
	// ErrSchema: the schema is older or newer than this program.
	ErrSchema = errors.New("schema version does not fit")
	// ErrKeyBody: the idempotency key was used with another body.
	ErrKeyBody = errors.New("idempotency key was used with another body")
	// ErrKeyBusy: a request with the same idempotency key is under way, and
	// the wait for it was over.
	ErrKeyBusy = errors.New("a request with this idempotency key is under way")
)

// Entry is one event to be appended to one or more channels: all or nothing.
type Entry struct {
	Channels []event.Channel // 1 to MaxChannels, none twice
	Type     string
	Data     []byte // as event.ParseData returns it
	// ExpiresAt hides the event from that moment on; zero: never.
	ExpiresAt time.Time
	// CollapseKey has the event stand for the last one with the same key in the
	// lists and counts of each channel, if that one is unread; empty: for none.
	CollapseKey string
	// Renew has it stand for that one even if it is read.
	Renew bool
	// Escalate says of whom and when the product is told if the event lies in inboxes;
	// of other channels it is not.
	Escalate []Escalation
	// Critical has it appended even where its type is muted.
	Critical bool
	// Key makes the append happen at most once in 24 h; nil: no such promise.
	Key *Key
	// InOrder leaves the entry out with ErrKeyBusy, too, if an earlier entry of its
	// group that is InOrder and shares a channel with it was left out for that reason.
	InOrder bool
}

// Expiry is ExpiresAt in milliseconds since 1970; 0 for never.
func (e *Entry) Expiry() int64 { return milliseconds(e.ExpiresAt) }

// Key identifies a publish that may be repeated.
type Key struct {
	Service string   // the scope
	Value   string   // what the publisher chose
	Body    [32]byte // a hash of the request: the same key with another body is refused
}

// Appended is what became of one Entry.
type Appended struct {
	// Seqs runs parallel to the Entry's Channels. 0: its type is muted there, and nothing
	// was appended.
	Seqs []uint64
	Time time.Time
	// Replayed: an earlier request with the same key did the append.
	Replayed bool
	// Notes say how inboxes stand in which events were replaced. A group has
	// one for such a channel, with the last of its entries.
	Notes []ChannelNote
	// Err is ErrKeyBody or ErrKeyBusy; then nothing was appended for this entry
	// and its neighbours are unharmed.
	Err error
}

// ChannelNote is a note of a channel.
type ChannelNote struct {
	Channel event.Channel
	Note    *event.Note
}

// Head is the state of one channel in one snapshot. A channel that was never
// written has the zero state, with its name.
type Head struct {
	Channel event.Channel
	Seq     uint64 // the newest
	Floor   uint64 // the newest that retention took away
	Version uint64 // changes with every append, read, delete and trim
	Unread  uint64
}

// Heads is the answer to a question for the heads of channels.
type Heads struct {
	Epoch event.Epoch
	// Stale: the primary is away and a replica answered. Such an answer says
	// what is surely there, not what is newest.
	Stale bool
	Heads []Head // in the order of the question
}

// Range asks for the events of one channel after a position.
type Range struct {
	Channel event.Channel
	After   uint64
	// Epoch and Through say what the asker knows to exist: an answer of another
	// epoch, or of a snapshot whose head is below Through or whose version is
	// below Version, makes a replica unfit and the primary is asked.
	// An empty Epoch expects nothing.
	Epoch   event.Epoch
	Through uint64
	Version uint64
	// Limit is the most events to return, at least 1.
	Limit int
}

// Page is one answer to a Range. All its parts are of one snapshot.
type Page struct {
	Head
	Epoch event.Epoch
	// Stale: the primary is away, and the replica that answered does not reach
	// as far as the Range asked. What it returns is complete up to Last.
	Stale  bool
	Events []event.Event // ascending; deleted and expired ones are left out
	// Last is the position that the page reaches: every event in (After, Last]
	// is in Events, or was deleted or expired, or is at or below Floor. It is
	// Seq (or After, if that is higher) when there is no more to read.
	Last uint64
}

// Change tells that a transaction changed a channel.
type Change struct {
	Channel event.Channel
	Head    uint64
	// Rewrite: events were taken away (deleted, expired, purged): what a reader
	// kept of the channel's past is out of date.
	Rewrite bool
	// Note says how the inbox stands, if more happened to it than that events
	// were appended. Nil otherwise.
	Note *event.Note
	// Revoke: nothing happened to the channel, which is somebody's inbox; their
	// tokens were revoked. Head is zero.
	Revoke bool
}

// Token identifies a commit row.
type Token [16]byte

// Mark is a place in the tail: a row, or an id at which none is known.
type Mark struct {
	ID    uint64
	Token Token // zero: there may be no such row
}

func (m Mark) known() bool { return m.Token != Token{} }

// Commit is a row of the tail.
type Commit struct {
	Mark
	Changes []Change
}

// Tail is one reading of the newest transactions, of one snapshot.
type Tail struct {
	Epoch event.Epoch
	// Low: rows with lower ids may be gone. Who has read less far than that has
	// missed some.
	Low uint64
	// Lost: the row that was asked after is gone before its time, or another has
	// its id. The server lost transactions that it had committed, as a crash can
	// do, and ids may begin again below that row.
	Lost bool
	// Last is the highest row seen, at least the one that was asked after.
	Last Mark
	// Settled is the highest row below which no id is missing, back to the one
	// that was asked after: every id is drawn once, so that nothing can appear
	// below it any more, and what is there was returned, or seen before. With a
	// step between ids (auto_increment_increment) that is seldom far.
	Settled Mark
	// Commits holds the rows after the given id that the caller had not seen, by
	// id.
	Commits []Commit
}

// Retention says how much of a channel is kept. The zero value keeps everything.
type Retention struct {
	MaxAge   time.Duration // zero: no limit
	MaxCount int           // zero: no limit
}

// KeptHead is the state of one channel of a log that keeps each channel by
// itself, such as those of package kept: there every channel has an epoch of its
// own. Of a channel that is not there (never written, or forgotten with all that
// was in it) the Epoch is empty and the Head zero but for its name.
type KeptHead struct {
	Epoch event.Epoch
	Head
}

// KeptAppended is what became of one Entry in such a log.
type KeptAppended struct {
	Appended
	// Epoch is the channel's.
	Epoch event.Epoch
	// Receivers is how many gateways the bus handed the event to, or -1 where
	// that is unknown.
	Receivers int
}

// KeptCursor is how far a walk over all channels of such a log has got. Its parts
// are the log's own. The zero value is the beginning.
type KeptCursor struct {
	Node string
	Scan uint64
}
