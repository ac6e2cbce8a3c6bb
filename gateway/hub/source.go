package hub

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// Kept is what the hub asks of the log of channels that live in Redis, or in
// this process. Each of them has an epoch of its own, and there is no tail. Its
// methods are safe for concurrent use; their errors wrap store.ErrUnavailable
// while the log can't be asked.
type Kept interface {
	// Heads is answered from a query that starts after the call and, if fresh,
	// on a connection opened after it. The answer is in the order of channels.
	Heads(ctx context.Context, channels []event.Channel, fresh bool) ([]store.KeptHead, error)
	// Ranges returns a page for each range, in order, each with its epoch.
	Ranges(ctx context.Context, ranges []store.Range) ([]store.Page, error)
}

// keptTimeout bounds a question to the kept log. Joins wait for the answer, and
// with them the other channels of their streams: a Redis that does not answer
// within that time is taken for away.
const keptTimeout = time.Second

// source is one of the two logs, with those who ask it. The two have nothing in
// common: a database that is away holds up nobody who waits for Redis, and the
// other way round.
type source struct {
	h       *Hub
	kept    Kept // nil: the database
	asker   asker
	fetcher fetcher
	// away: the last question to the kept log had no answer. Who joins meanwhile
	// is told that the channel waits.
	away atomic.Bool
	// recheck asks for a look at all kept channels now.
	recheck signal
}

func (s *source) init(h *Hub, kept Kept) {
	s.h, s.kept = h, kept
	s.recheck = newSignal()
	s.asker.init(s)
	s.fetcher.init(s)
}

func (s *source) timeout() time.Duration {
	if s.kept != nil {
		return min(s.h.cfg.Timeout, keptTimeout)
	}
	return s.h.cfg.Timeout
}

// sources are the logs that the hub has.
func (h *Hub) sources() []*source {
	if h.cfg.Kept == nil {
		return []*source{&h.database}
	}
	return []*source{&h.database, &h.kept}
}

// newChannel makes a channel by the rules of its namespace.
func (h *Hub) newChannel(name event.Channel) *channel {
	rules := h.cfg.Rules(name.Namespace())
	c := &channel{src: &h.database, name: name, manner: rules.manner()}
	if rules.Kept && h.cfg.Kept != nil {
		c.src = &h.kept
	}
	return c
}

// answer is what a log said about the heads of channels.
type answer struct {
	epoch event.Epoch  // of the database: one for all
	heads []store.Head // of the database
	kept  []store.KeptHead
	stale bool // a replica's
	fresh bool // from a connection opened for this question
	// refused: the epoch is not believed.
	refused bool
}

// of is what the answer says about the channel that was asked for as the i-th.
func (a *answer) of(i int) (event.Epoch, store.Head) {
	if a.kept != nil {
		return a.kept[i].Epoch, a.kept[i].Head
	}
	return a.epoch, a.heads[i]
}

// heads asks for the heads of channels.
//
// The first epoch of the database, too, is believed from a new connection only.
// The kept log's epochs are each channel's own, and the first one that a channel
// shows is taken as it is: should it come from a server that is the primary no
// longer, the channel merely begins in its older life, whose end is then found
// out as always. A new connection for each channel that is joined would cost
// more than that.
func (s *source) heads(ctx context.Context, names []event.Channel, fresh bool) (answer, error) {
	if s.kept != nil {
		heads, err := s.kept.Heads(ctx, names, fresh)
		switch was := s.away.Swap(err != nil); {
		case err != nil && !was && !errors.Is(ctx.Err(), context.Canceled):
			s.h.cfg.Logger.Warn("the log of kept channels is away", "error", err)
		case err == nil && was:
			s.h.cfg.Logger.Info("the log of kept channels is back")
		}
		return answer{kept: heads, fresh: fresh}, err
	}
	before := s.h.confirmed()
	fresh = fresh || before == ""
	got, err := s.h.cfg.Log.Heads(ctx, names, fresh)
	a := answer{epoch: got.Epoch, heads: got.Heads, stale: got.Stale, fresh: fresh}
	a.refused = err == nil && !got.Stale && !s.h.believe(got.Epoch, before, fresh)
	return a, err
}

// complain logs that a question had no answer, unless the hub is being closed. Of
// a kept log that is away it was said when it went.
func (s *source) complain(ctx context.Context, what string, channels int, err error) {
	if !s.away.Load() && !errors.Is(ctx.Err(), context.Canceled) {
		s.h.cfg.Logger.Warn(what, "channels", channels, "error", err)
	}
}

// ranges asks for events.
func (s *source) ranges(ctx context.Context, ranges []store.Range) ([]store.Page, error) {
	if s.kept != nil {
		return s.kept.Ranges(ctx, ranges)
	}
	return s.h.cfg.Log.Ranges(ctx, ranges)
}
