package notifier

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/bellhop/bellhop/store"
)

const (
	// identityEvery is how often the primary is asked who it is. Until a new
	// epoch has begun gateways believe no head, so a fail-over in a quiet hour
	// must not wait for the next append.
	identityEvery = time.Second
	// expireEvery is how long the data of an event may outlive its time;
	// readers leave it out from the first moment on.
	expireEvery = 2 * time.Second
	// ageEvery is how often what has lived its time is forgotten.
	ageEvery = 5 * time.Second
	// roundsAtOnce bounds how much of it is done in one go.
	roundsAtOnce = 20
	// stepPause is the pause between two goes of what is not done yet. It leaves the
	// log to those who publish, and to the other tasks, and is short: what publishers
	// can write in a second must not take longer than that to be taken away.
	stepPause = 50 * time.Millisecond
)

// upkeep is the work on the log that no request asks for. All notifiers do it
// side by side, without an agreement: every step is a small transaction that
// finds nothing to do if another one came first.
type upkeep struct {
	cfg     Config
	log     Log
	logger  *slog.Logger
	metrics *metrics
	// turn lets one task work on the log at a time, so that together they take
	// one connection. The look at the identity does not wait for it.
	turn    chan struct{}
	cancel  context.CancelFunc
	workers sync.WaitGroup
}

func newUpkeep(c Config, m *metrics) *upkeep {
	return &upkeep{cfg: c, log: c.Log, logger: c.Logger, metrics: m, turn: make(chan struct{}, 1)}
}

func (u *upkeep) start(ctx context.Context) {
	ctx, u.cancel = context.WithCancel(context.WithoutCancel(ctx))
	walk := new(walk)
	u.repeat(ctx, "identity", u.checkIdentity)
	u.repeat(ctx, "expire", u.rounds(expireEvery, u.log.Expire))
	u.repeat(ctx, "age", u.rounds(ageEvery, u.log.AgeOut))
	u.repeat(ctx, "trim", func(ctx context.Context) (time.Duration, error) { return u.trim(ctx, walk) })
	if u.cfg.Kept != nil {
		var at store.KeptCursor
		u.repeat(ctx, "trim-kept", func(ctx context.Context) (time.Duration, error) { return u.trimKept(ctx, &at) })
	}
}

// stop ends the work where it stands; another notifier, or the next start, takes
// it up again. It must follow start.
func (u *upkeep) stop() {
	u.cancel()
	u.workers.Wait()
}

// repeat does a task again and again, each time after the pause that it asked
// for. Failures are counted, and logged where they begin and where they end.
func (u *upkeep) repeat(ctx context.Context, task string, do func(context.Context) (time.Duration, error)) {
	u.workers.Go(func() {
		failing := false
		timer := time.NewTimer(0)
		defer timer.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
			pause, err := do(ctx)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				u.metrics.upkeepFailed.WithLabelValues(task).Inc()
				if !failing {
					u.logger.Warn("upkeep fails", "task", task, "error", err)
				}
			case failing:
				u.logger.Info("upkeep works again", "task", task)
			}
			failing = err != nil
			timer.Reset(pause)
		}
	})
}

func (u *upkeep) checkIdentity(ctx context.Context) (time.Duration, error) {
	changed, err := u.log.CheckIdentity(ctx)
	if changed {
		u.metrics.epochs.Inc()
		u.logger.Warn("the primary is another server: a new epoch began")
	}
	return identityEvery, err
}

// rounds makes a task of a call that does a bounded part of its work, for as long as
// there is more of it. Several notifiers that were started together spread by the
// jitter.
func (u *upkeep) rounds(pause time.Duration, call func(context.Context) (more bool, err error)) func(context.Context) (time.Duration, error) {
	return func(ctx context.Context) (time.Duration, error) {
		for range roundsAtOnce {
			more, err := withTurn(ctx, u, call)
			if err != nil || !more {
				return jitter(pause), err
			}
		}
		return stepPause, nil
	}
}

// withTurn makes a call when no other task is at work.
func withTurn[T any](ctx context.Context, u *upkeep, call func(context.Context) (T, error)) (result T, err error) {
	select {
	case u.turn <- struct{}{}:
		defer func() { <-u.turn }()
	case <-ctx.Done():
	}
	// A select takes any case that is ready: on the way down no call follows.
	if err := ctx.Err(); err != nil {
		return result, err
	}
	return call(ctx)
}

// jitter is d, give or take a tenth.
func jitter(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5)
}
