// Package kept is the log of channels that are kept in Redis, or in the memory
// of a single process: quick, bounded, and no database involved. What it holds
// may be lost with the server that holds it. It is never lost in silence: every
// channel has an epoch of its own, which is another one from the moment on from
// which acknowledged events may be gone.
//
// A log of this kind has no tail and no replicas. An append publishes the event
// in the same step in which it is written, so that what was acknowledged was
// also announced; what the bus loses, readers find by Heads.
package kept

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/store"
)

// Log is what Redis and Memory both are. It is safe for concurrent use, and
// every call is bounded in time by itself as well as by its context.
type Log interface {
	// Append writes each entry, or not, for itself, and publishes what it
	// writes; the results run parallel to entries. Entries of one channel get
	// their seqs in the order of the call. An entry names one channel.
	//
	// A result's Err wraps store.ErrNotWritten if the entry certainly was not
	// written, and store.ErrUnavailable if trying again may help. With the
	// latter alone nobody knows; an entry with a Key may be repeated to find
	// out. Err is store.ErrKeyBody if the key was used with another body. The
	// scope of a key is the service together with the channel.
	//
	// CollapseKey means nothing here: nobody reads or unreads these events.
	Append(ctx context.Context, entries []store.Entry) []store.KeptAppended
	// Purge takes all events of a channel away for good, and tells the bus. Seqs
	// and epoch go on. A channel that is not there is no error.
	Purge(ctx context.Context, channel event.Channel) error
	// Trim does one bounded step of a walk over all channels, and takes away what
	// is older than Config.Retention wants; an append does so for its own channel.
	// It returns where the next step begins: the zero cursor at the end. Channels
	// that come or change while a walk is under way may be left to the next one.
	Trim(ctx context.Context, from store.KeptCursor) (store.KeptCursor, error)
	// Heads reads the state of channels, in the order of the question. fresh has
	// it answered over connections that are opened after the call began, which
	// lead to the server that is the master by then. It is never Stale.
	Heads(ctx context.Context, channels []event.Channel, fresh bool) ([]store.KeptHead, error)
	// Ranges reads the events of channels, each after a position, at most
	// store.MaxRanges of them; pages run parallel to ranges, and each is of one
	// moment. What a Range expects to exist is not looked at: there is nobody
	// else to ask. The data of a page is bounded (about 256 KiB), and that of all of
	// them together (about 8 MiB), but for one event of each; a page cut short by
	// that has its Last below its Seq.
	Ranges(ctx context.Context, ranges []store.Range) ([]store.Page, error)
}

// Config of a log. The zero value is ready for use.
type Config struct {
	// Prefix begins the names of keys, and those that events are published
	// under: it is that of the bus. On Redis the account needs the right to
	// "~<prefix>*" and "&<prefix>*". Empty: fanout.DefaultPrefix.
	Prefix string
	// Names are what a channel's events are published under, by PUBLISH and by
	// SPUBLISH, as those of the bus are: fanout.Redis has them. Empty: not so. Nil: by
	// PUBLISH alone.
	Names func(context.Context, event.Channel) (classic, sharded string)
	// Retention says how much of a channel is kept; it is called for every
	// event and must be quick. Nil: everything is kept, for as long as a quiet
	// channel is.
	Retention func(event.Channel) store.Retention
	// MaxFrame is that of the bus. Zero: fanout.DefaultMaxFrame.
	MaxFrame int
	// MaxBytes bounds what Memory holds, in bytes of data and about 300 for each
	// event, channel and idempotency key besides. A quarter is for the keys, of which
	// the oldest are forgotten beyond that; of the channels it is those that are quiet
	// for the longest. Redis has bounds of its own. Zero: 256 MiB.
	MaxBytes int
	// Logger hears what an operator should know. Nil: slog.Default().
	Logger *slog.Logger
}

const (
	// quiet is how long a channel outlives the newest of its events, beyond what
	// retention asks for: nobody can say of a name that it will never be used
	// again, so it has to end some time, but its end takes the counter along,
	// and whoever comes back with an older position is reset for nothing. A week
	// is longer than anybody keeps a page open.
	quiet = 7 * 24 * time.Hour
	// keyLife is for how long an idempotency key is remembered.
	keyLife = 24 * time.Hour
	// pageBytes bounds the data of all pages of one call, and rangeBytes that of each:
	// Redis reads a page without a look at anybody else.
	pageBytes  = 8 << 20
	rangeBytes = 256 << 10
)

// share is how much data each of n pages may have, but for its first event.
func share(n int) int { return min(pageBytes/n, rangeBytes) }

func (c Config) withDefaults() Config {
	c.Prefix = cmp.Or(c.Prefix, fanout.DefaultPrefix)
	c.MaxFrame = cmp.Or(c.MaxFrame, fanout.DefaultMaxFrame)
	c.MaxBytes = cmp.Or(c.MaxBytes, 256<<20)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.Names == nil {
		prefix := c.Prefix
		c.Names = func(_ context.Context, ch event.Channel) (string, string) { return prefix + string(ch), "" }
	}
	if c.Retention == nil {
		c.Retention = func(event.Channel) store.Retention { return store.Retention{} }
	}
	return c
}
