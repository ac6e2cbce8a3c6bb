package escalate

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/internal/wait"
	"github.com/bellhop/bellhop/store"
)

// sender makes the calls to one target. A target that hangs holds up its own calls alone.
type sender struct {
	*Escalator

	target string
	woken  wait.Signal // there are new calls
}

// send makes calls until ctx ends or the log fails, and waits for those under way.
func (s *sender) send(ctx context.Context) error {
	calling, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(goodbye, cancel) })()
	var calls sync.WaitGroup
	defer calls.Wait()
	busy := make(chan struct{}, slots)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		busy <- struct{}{} // one of them, at the least
		n := 1 + slots - len(busy)
		hook, known := s.cfg.Webhooks()[s.target]
		if !known {
			return nil
		}
		claimed, err := s.cfg.Log.ClaimCalls(ctx, s.target, n, lease)
		if err != nil {
			return err
		}
		for i := range claimed {
			if i > 0 {
				busy <- struct{}{}
			}
			calls.Go(func() {
				defer func() { <-busy }()
				s.try(calling, hook, &claimed[i])
			})
		}
		if len(claimed) == n {
			continue // there may be more
		}
		if len(claimed) == 0 {
			<-busy
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.woken:
		case <-tick.C:
		}
	}
}

// try makes a call once, and writes down what came of it.
func (s *sender) try(ctx context.Context, hook auth.Webhook, call *store.Call) {
	what, err := "moot", error(nil)
	if len(call.Events) > 0 {
		what, err = "delivered", s.post(ctx, hook, call)
	}
	if err == nil {
		s.metrics.calls.WithLabelValues(s.target, what).Inc()
		s.note(ctx, func(ctx context.Context) error { return s.cfg.Log.EndCall(ctx, *call) })
		return
	}
	later := pause(call.Tries, rand.Float64())
	park := time.Since(call.Made)+later > tryFor
	what = "unanswered"
	switch {
	case park:
		what = "parked"
		s.cfg.Logger.Error("an escalation is given up", "target", s.target, "call", call.ID.String(), "tries", call.Tries, "error", err)
	case errors.Is(err, errRefused):
		what = "refused"
	case errors.Is(err, errUnsent):
		what = "unsent"
	}
	s.metrics.calls.WithLabelValues(s.target, what).Inc()
	s.cfg.Logger.Debug("a call failed", "target", s.target, "call", call.ID.String(), "tries", call.Tries, "error", err)
	s.note(ctx, func(ctx context.Context) error { return s.cfg.Log.PutOffCall(ctx, *call, later, park, err.Error()) })
}

// note writes down what came of a call, for as long as the lease allows, also after the
// process was told to stop. What could not be written down is tried once more, by whoever
// comes first, with the same name.
func (s *sender) note(ctx context.Context, write func(context.Context) error) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), lease-postTimeout)
	defer cancel()
	for write(bounded) != nil {
		s.metrics.failures.WithLabelValues("note").Inc()
		if !wait.For(ctx, lookEvery) || bounded.Err() != nil { // the process ends, or the lease
			return
		}
	}
}
