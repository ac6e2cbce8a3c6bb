package notifier

import (
	"context"
	"errors"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// Log is what the notifier needs of the log. Every call is bounded in time by
// its implementation as well as by its context, and safe for concurrent use.
type Log interface {
	// Append writes a group of entries in one transaction, or none of them; an
	// entry with Err set was left out alone. An error that wraps
	// store.ErrNotWritten says that nothing was written; one without it and
	// with store.ErrUnavailable, that nobody knows.
	Append(ctx context.Context, entries []store.Entry) (event.Epoch, []store.Appended, error)
	// Purge takes all events of a channel away for good.
	Purge(ctx context.Context, channel event.Channel) error
	// Withdraw takes all events of a channel away that have a collapse key, and says
	// how many, and how its inbox stands after each step. It may be repeated.
	Withdraw(ctx context.Context, channel event.Channel, key string) (removed int, states []store.InboxState, err error)
	// Revoke makes the tokens of a person no good that were issued up to now.
	Revoke(ctx context.Context, inbox event.Channel) error
	// Heads returns the current epoch and the heads of channels.
	Heads(ctx context.Context, channels []event.Channel, fresh bool) (store.Heads, error)
	// CheckIdentity begins a new epoch if the server is not the one that the
	// current epoch belongs to.
	CheckIdentity(ctx context.Context) (changed bool, err error)
	// Trim does one bounded step of a walk over all channels and takes away
	// what policy does not want kept. The zero cursor is the beginning and,
	// returned, the end.
	Trim(ctx context.Context, from store.TrimCursor, policy func(event.Channel) store.Retention) (store.TrimCursor, error)
	// AgeOut forgets some of the commit rows and idempotency keys that have
	// lived their time; more tells that there are others.
	AgeOut(ctx context.Context) (more bool, err error)
	// Expire buries some of the events whose time has come; more tells that
	// there are others.
	Expire(ctx context.Context) (more bool, err error)
	// Ready tells whether the log can take an append now.
	Ready(ctx context.Context) error
}

// Errors of an append besides those of the store. After each of them nothing
// was written.
var (
	// ErrBusy: the queue is full, or the event waited in it for too long.
	ErrBusy = errors.New("the queue is full")
	// ErrShare: one service's events take so much of the queue that the rest is for
	// others.
	ErrShare = errors.New("the queue is full of events of one service")
	// ErrStopped: the notifier is on its way down.
	ErrStopped = errors.New("the notifier stops")
)

var _ Log = (*store.DB)(nil)
