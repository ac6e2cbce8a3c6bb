package notifier

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/wait"
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
	// trimEvery is the pause between two walks over all channels.
	trimEvery = time.Minute
	// roundsAtOnce bounds how much of it is done in one go.
	roundsAtOnce = 20
	// stepPause is the pause between two goes of what is not done yet. It leaves the
	// log to those who publish, and to the other tasks, and is short: what publishers
	// can write in a second must not take longer than that to be taken away.
	stepPause = 50 * time.Millisecond
)

// maintenance is the work on the log that no request asks for. All notifiers do it
// side by side, without an agreement: every step is a small transaction that
// finds nothing to do if another one came first.
type maintenance struct {
	cfg     Config
	log     Log
	logger  *slog.Logger
	metrics *metrics
	// turn lets one task work on the log at a time, so that together they take
	// one connection. The look at the identity does not wait for it.
	turn    chan struct{}
	audits  *audits
	cancel  context.CancelFunc
	workers sync.WaitGroup
}

func newMaintenance(c Config, m *metrics) *maintenance {
	return &maintenance{
		cfg: c, log: c.Log, logger: c.Logger, metrics: m, turn: make(chan struct{}, 1),
		audits: newAudits(c.Audit, m.auditLost),
	}
}

func (m *maintenance) start(ctx context.Context) {
	ctx, m.cancel = context.WithCancel(context.WithoutCancel(ctx))
	m.repeat(ctx, "identity", m.checkIdentity)
	m.repeat(ctx, "expire", m.rounds(expireEvery, m.log.Expire))
	m.repeat(ctx, "age", m.rounds(ageEvery, m.log.AgeOut))
	m.repeat(ctx, "trim", walk(m.trim))
	if m.cfg.Audit != nil {
		m.repeat(ctx, "audit", m.audits.write)
		m.repeat(ctx, "age-audit", m.ageAudit)
	}
	if m.cfg.Kept != nil { // which takes no turn: that log has no connections to be short of
		m.repeat(ctx, "trim-kept", walk(m.cfg.Kept.Trim))
	}
}

// stop ends the work where it stands; another notifier, or the next start, takes
// it up again. It must follow start.
func (m *maintenance) stop() {
	m.cancel()
	m.workers.Wait()
	if lost, err := m.audits.finish(context.Background()); lost > 0 {
		m.logger.Warn("audit lines did not reach their table", "lost", lost, "error", err)
	}
}

// repeat does a task again and again, each time after the pause that it asked
// for. Failures are counted, and logged where they begin and where they end.
func (m *maintenance) repeat(ctx context.Context, task string, do func(context.Context) (time.Duration, error)) {
	m.workers.Go(func() {
		wait.Task{
			Do: do,
			Failed: func(err error, first bool) {
				m.metrics.maintenanceFailed.WithLabelValues(task).Inc()
				if first {
					m.logger.Warn("maintenance fails", "task", task, "error", err)
				}
			},
			Recovered: func() { m.logger.Info("maintenance works again", "task", task) },
		}.Run(ctx)
	})
}

func (m *maintenance) checkIdentity(ctx context.Context) (time.Duration, error) {
	changed, err := m.log.CheckIdentity(ctx)
	if changed {
		m.metrics.epochs.Inc()
		m.logger.Warn("the primary is another server: a new epoch began")
	}
	return identityEvery, err
}

// rounds makes a task of a call that does a bounded part of its work, for as long as
// there is more of it. Several notifiers that were started together spread by the
// jitter.
func (m *maintenance) rounds(pause time.Duration, call func(context.Context) (more bool, err error)) func(context.Context) (time.Duration, error) {
	return func(ctx context.Context) (time.Duration, error) {
		for range roundsAtOnce {
			more, err := withTurn(ctx, m, call)
			if err != nil || !more {
				return wait.Jitter(pause), err
			}
		}
		return stepPause, nil
	}
}

// withTurn makes a call when no other task is at work.
func withTurn[T any](ctx context.Context, m *maintenance, call func(context.Context) (T, error)) (result T, err error) {
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
	}
	// A select takes any case that is ready: on the way down no call follows.
	if err := ctx.Err(); err != nil {
		return result, err
	}
	return call(ctx)
}

// walk makes a task of a walk over all channels, of which step does one step from where
// the one before it ended; the zero cursor is the beginning and the end. A step that
// failed is done again: a channel that can't be trimmed now must not be passed over.
func walk[C comparable](step func(ctx context.Context, from C) (C, error)) func(context.Context) (time.Duration, error) {
	var at, end C
	return func(ctx context.Context) (time.Duration, error) {
		next, err := step(ctx, at)
		if err != nil {
			return wait.Jitter(ageEvery), err
		}
		if at = next; at == end {
			return wait.Jitter(trimEvery), nil
		}
		return stepPause, nil
	}
}

// trim is a step of the walk over the database's channels.
func (m *maintenance) trim(ctx context.Context, from store.TrimCursor) (store.TrimCursor, error) {
	return withTurn(ctx, m, func(ctx context.Context) (store.TrimCursor, error) { return m.log.Trim(ctx, from, m.retention) })
}

// retention is what the policy of a channel's namespace wants kept. What has no
// policy any more is kept: a namespace that fell out of a file by mistake must
// not lose its events within the minute.
func (m *maintenance) retention(channel event.Channel) store.Retention {
	policy, ok := m.cfg.access.Load().policies.Lookup(channel.Namespace())
	if !ok {
		return store.Retention{}
	}
	return store.Retention(policy.Retention)
}
