package hub

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/gateway/hub/read"
	"github.com/bellhop/bellhop/gateway/hub/track"
	"github.com/bellhop/bellhop/store"
)

// Log is what the hub asks of the log.
type Log interface {
	// Heads is answered by the primary, from a query that starts after the call
	// and, if fresh, on a connection opened after it. While the primary is away
	// a replica may answer, and the answer says Stale.
	Heads(ctx context.Context, channels []event.Channel, fresh bool) (store.Heads, error)
	// Ranges returns a page for each range, in order.
	Ranges(ctx context.Context, ranges []store.Range) ([]store.Page, error)

	read.TailLog
}

// Config of a Hub. Zero values mean the defaults.
type Config struct {
	Log Log // required
	// Kept is the log of the channels whose Rules say Kept. Nil: there are none,
	// and the database has them all.
	Kept Kept
	// Rules returns the rules of a namespace. It is asked once for each channel
	// that begins to be held. Nil: the zero Rules hold for all.
	Rules func(namespace string) Rules
	// Bus makes the subscription that calls the handler. Required.
	Bus func(fanout.Handler) (fanout.Subscriber, error)

	// RingFrames and RingBytes bound the recent frames kept for each channel.
	RingFrames int // default 64
	RingBytes  int // default 256 KiB
	// RingAge is how long rings keep a frame, and RingTotal how many bytes all of
	// them together may take: while they are larger, frames are kept for less
	// long, but always for a second. Defaults 30 s and 64 MiB.
	RingAge   time.Duration
	RingTotal int
	// GapWait is how long a gap in the sequence may close by itself: several
	// notifiers publish at the same time. Default 50 ms.
	GapWait time.Duration
	// Idle is how long a channel without listeners stays subscribed: people
	// reload pages. Default 10 s.
	Idle time.Duration
	// TailOverlap is how far back the tail is read again, because transactions may
	// commit out of order. It is longer than an append transaction can live. Default:
	// store.MaxTransaction plus 5 s.
	TailOverlap time.Duration

	// Remember is for how many events the hub remembers, for ten minutes, when it
	// handed them over and to how many streams. It also remembers how a quarter as many
	// streams ended. At most fleet.MaxRemember. Default: it remembers nothing.
	Remember int

	// Revoked is told that tokens were revoked, maybe of people who are not
	// here. It must not block. Default: nobody is told.
	Revoked func()

	// Traced is called for each traced event that came over the bus, and with a nil
	// trace for each event that fills a gap, because the log does not say who traces
	// it. began is when the hub began to hand it over, streams to how many streams. It
	// must not block. Nil: it is not called.
	Traced func(trace *[fanout.TraceBytes]byte, channel event.Channel, seq uint64, began time.Time, streams int)

	Logger     *slog.Logger          // default: slog.Default()
	Registerer prometheus.Registerer // default: metrics are counted, not exported
}

func (c Config) withDefaults() Config {
	c.RingAge = cmp.Or(c.RingAge, 30*time.Second)
	c.RingFrames, c.RingBytes, c.RingTotal = cmp.Or(c.RingFrames, 64), cmp.Or(c.RingBytes, 256<<10), cmp.Or(c.RingTotal, 64<<20)
	c.GapWait, c.Idle = cmp.Or(c.GapWait, 50*time.Millisecond), cmp.Or(c.Idle, 10*time.Second)
	c.TailOverlap = cmp.Or(c.TailOverlap, store.MaxTransaction+5*time.Second)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.Rules == nil {
		c.Rules = func(string) Rules { return Rules{} }
	}
	if c.Revoked == nil {
		c.Revoked = func() {}
	}
	return c
}

// Rules say how the channels of a namespace are followed. The zero value is a
// channel of the database whose listeners get every event, from the moment of
// their join on.
type Rules = track.Rules

// sharedRules are the rules of all channels, each once: there are as many as the
// configuration has kinds of namespaces.
type sharedRules struct {
	mu  sync.Mutex
	all map[Rules]*Rules
}

func (s *sharedRules) of(r Rules) *Rules {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = make(map[Rules]*Rules)
	}
	if s.all[r] == nil {
		s.all[r] = &r
	}
	return s.all[r]
}
