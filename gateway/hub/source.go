package hub

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/hub/read"
	"github.com/bellhop/bellhop/gateway/hub/track"
	"github.com/bellhop/bellhop/internal/wait"
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

// timeout bounds a question to the database, keptTimeout one to the kept log. Joins
// wait for that answer, and with them the other channels of their streams: a Redis
// that does not answer within that time is taken for away.
const (
	timeout     = 5 * time.Second
	keptTimeout = time.Second
)

// source is one of the two logs, with those who ask it. The two have nothing in
// common: a database that is away holds up nobody who waits for Redis, and the
// other way round.
type source struct {
	h      *Hub
	kept   Kept // nil: the database
	heads  *read.Heads
	ranges *read.Ranges
	// away: the last question to the kept log had no answer. Who joins meanwhile
	// is told that the channel waits.
	away atomic.Bool
	// recheck asks for a look at all kept channels now.
	recheck wait.Signal
}

var (
	_ read.Log     = (*source)(nil)
	_ read.Handler = (*source)(nil)
)

func (s *source) init(h *Hub, kept Kept) {
	s.h, s.kept = h, kept
	most := timeout
	if kept != nil {
		most = keptTimeout
	}
	s.recheck = wait.NewSignal()
	s.heads = read.NewHeads(s, s, most)
	s.ranges = read.NewRanges(s, s, most)
}

// moment is what a channel of the log needs to decide.
func (s *source) moment() track.Moment {
	return track.Moment{Now: time.Now(), InDoubt: s.h.inDoubt(), LogAway: s.away.Load(), Limits: &s.h.limits}
}

// Heads implements read.Log.
//
// The first epoch of the database, too, is believed from a new connection only.
// The kept log's epochs are each channel's own, and the first one that a channel
// shows is taken as it is: should it come from a server that is the primary no
// longer, the channel merely begins in its older life, whose end is then found
// out as always. A new connection for each channel that is joined would cost
// more than that.
func (s *source) Heads(ctx context.Context, names []event.Channel, fresh bool) (read.Answer, error) {
	s.h.metrics.questions.Inc()
	if s.kept != nil {
		heads, err := s.kept.Heads(ctx, names, fresh)
		switch was := s.away.Swap(err != nil); {
		case err != nil && !was && !errors.Is(ctx.Err(), context.Canceled):
			s.h.cfg.Logger.Warn("the log of kept channels is away", "error", err)
		case err == nil && was:
			s.h.cfg.Logger.Info("the log of kept channels is back")
		}
		return read.Answer{Kept: heads, Fresh: fresh}, err
	}
	before := s.h.confirmed()
	fresh = fresh || before == ""
	got, err := s.h.cfg.Log.Heads(ctx, names, fresh)
	a := read.Answer{Epoch: got.Epoch, Heads: got.Heads, Stale: got.Stale, Fresh: fresh}
	a.Refused = err == nil && !got.Stale && !s.h.believe(got.Epoch, before, fresh)
	return a, err
}

// Ranges implements read.Log.
func (s *source) Ranges(ctx context.Context, ranges []store.Range) ([]store.Page, error) {
	s.h.metrics.reads.Inc()
	if s.kept != nil {
		return s.kept.Ranges(ctx, ranges)
	}
	return s.h.cfg.Log.Ranges(ctx, ranges)
}

// Failed implements read.Handler. It is silent if the hub is being closed. Of a
// kept log that is away it was said when it went.
func (s *source) Failed(ctx context.Context, what string, channels int, err error) {
	if !s.away.Load() && !errors.Is(ctx.Err(), context.Canceled) {
		s.h.cfg.Logger.Warn(what, "channels", channels, "error", err)
	}
}

// HeadsStart implements read.Handler.
func (s *source) HeadsStart(names []event.Channel) ([]event.Channel, func(*read.Answer, error)) {
	asked := names[:0]
	questions := make([]question, 0, len(names))
	for _, name := range names {
		c := s.h.find(name)
		if c == nil {
			continue
		}
		if q, ok := c.question(); ok {
			asked, questions = append(asked, name), append(questions, q)
		}
	}
	return asked, func(a *read.Answer, err error) {
		ended := 0
		for i := range questions {
			switch q := &questions[i]; {
			case err != nil:
				q.unanswered(track.AskLater)
			case a.Refused:
				q.unanswered(track.AskFresh)
			default:
				epoch, head := a.Of(i)
				if q.answered(epoch, head, a) {
					ended++
				}
			}
		}
		if ended > 0 {
			s.h.cfg.Logger.Warn("kept channels were lost, or began anew", "channels", ended)
			s.h.metrics.keptLives.Add(float64(ended))
		}
	}
}

// RangeStart implements read.Handler. A channel that was given up has no streams any
// more that would want a page.
func (s *source) RangeStart(r *read.Range) bool {
	c := s.h.find(r.Channel)
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r.Own = c
	return c.Want(r.Fill, &r.Range)
}

// RangeDone implements read.Handler.
func (s *source) RangeDone(r *read.Range, p *store.Page) {
	c := r.Own.(*channel) //nolint:errcheck,forcetypeassert // set by RangeStart
	if r.Fill {
		if traced := s.h.cfg.Traced; traced != nil && p != nil {
			began := time.Now()
			defer func() {
				for i := range p.Events {
					traced(nil, r.Channel, p.Events[i].Seq, began, s.h.listeners(r.Channel))
				}
			}()
		}
		c.act(func(at track.Moment) track.Effects {
			return c.FillDone(event.Position{Epoch: r.Epoch, Seq: r.After}, p, at)
		})
		return
	}
	ask, retry := track.Useful(&r.Range, p)
	if ask { // find out, then go on
		c.ask(track.AskFresh)
	}
	if retry {
		time.AfterFunc(read.RangeBackoff, func() {
			for _, q := range r.Requests {
				requester(q).answer(nil)
			}
		})
		return
	}
	entries := c.Replay(p, &s.h.limits)
	for _, q := range r.Requests {
		if q.At.Epoch == r.Epoch && track.Beyond(q.At, p) {
			s.ranges.Read(r.Channel, q)
		} else {
			requester(q).answer(track.Cut(&r.Range, p, entries, q.At))
		}
	}
}

// requester is who asked.
func requester(q read.Request) *sub { return q.For.(*sub) } //nolint:errcheck,forcetypeassert // sub.advance makes them

// lookAround has the log asked for what the bus lost. Many channels tend to miss
// something at the same time: one look at the newest transactions answers for all that
// are in the database.
func (s *source) lookAround(name event.Channel, u read.Urgency) {
	if s.kept != nil {
		s.heads.Ask(name, u, false)
	} else {
		s.h.tail.Soon()
	}
}

// askAll asks for every held channel of the log.
func (s *source) askAll(fresh bool) {
	s.held(func(c *channel) {
		if c.Askable(s.moment()) {
			s.heads.Ask(c.Name(), read.Look, fresh)
		}
	})
}

// held calls f for every held channel of the log, with its lock.
func (s *source) held(f func(*channel)) {
	s.h.held(func(c *channel) {
		if c.src == s {
			c.mu.Lock()
			defer c.mu.Unlock()
			f(c)
		}
	})
}

// poll asks for the heads of the kept channels that somebody listens to, again
// and again. They have no tail, so this is what finds out that Redis was emptied
// or replaced, that a channel was evicted, or that a message was lost after which
// no other came. While the bus is in doubt it is done more often. It is done on new
// connections: one that is open may lead to a server that is the primary no longer,
// and as long as that one answers nothing else would show it.
func (s *source) poll(ctx context.Context) {
	schedule := s.h.schedule()
	for schedule.Wait(ctx, s.recheck) {
		s.askAll(true)
	}
}
