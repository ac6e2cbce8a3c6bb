// Package escalate tells the product of events that people have not taken note of, by
// webhooks, so that it sends a push, a mail or an SMS. The log says what has come due; this
// package makes calls of it, and has them tried until they are answered.
package escalate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/internal/wait"
	"github.com/bellhop/bellhop/store"
)

const (
	// slots is how many calls to one target are under way at once.
	slots = 8
	// lease is how long a call belongs to who claimed it: longer than a call takes.
	lease = 20 * time.Second
	// lookEvery is how often the log is asked what has come due.
	lookEvery = time.Second
	// countEvery is how often it is asked how calls stand.
	countEvery = 15 * time.Second
	// goodbye is how long calls may go on once the process is told to stop.
	goodbye = 3 * time.Second
)

// Log is what is needed of the log; see there.
type Log interface {
	Due(ctx context.Context) ([]store.Due, error)
	MakeCalls(ctx context.Context, due []store.Due, calls []store.NewCall) error
	ClaimCalls(ctx context.Context, target string, n int, lease time.Duration) ([]store.Call, error)
	EndCall(ctx context.Context, c store.Call) error
	PutOffCall(ctx context.Context, c store.Call, wait time.Duration, park bool, why string) error
	CallsTo(ctx context.Context) ([]store.CallsTo, error)
	ForgetCalls(ctx context.Context, target string) error
}

var _ Log = (*store.DB)(nil)

// Config of an Escalator.
type Config struct {
	Log Log
	// Webhooks are those of the policies as they are now. With none the log is not asked.
	Webhooks func() map[string]auth.Webhook
	// Online tells which of some people, given as the keys of their inboxes, have a stream
	// open. Who can't be asked about is left out, and told.
	Online     func(ctx context.Context, people []string) map[string]bool
	Registerer prometheus.Registerer // nil: the metrics are not shown
	Logger     *slog.Logger          // default: slog.Default()
}

// Escalator tells the product. Several may work on one log.
type Escalator struct {
	cfg           Config
	metrics       *metrics
	guarded, open *http.Client

	senders map[string]*sender // by target; of the goroutine that collects alone
}

// New makes an escalator; Run has it work.
func New(c Config) (*Escalator, error) {
	c.Logger = cmp.Or(c.Logger, slog.Default())
	e := &Escalator{cfg: c, metrics: newMetrics(), guarded: client(false), open: client(true), senders: make(map[string]*sender)}
	if c.Registerer != nil {
		if err := e.metrics.register(c.Registerer); err != nil {
			return nil, fmt.Errorf("escalate: register metrics: %w", err)
		}
	}
	return e, nil
}

// Run works until ctx ends, and returns when no call is under way any more: within a few
// seconds.
func (e *Escalator) Run(ctx context.Context) error {
	var work sync.WaitGroup
	defer e.guarded.CloseIdleConnections()
	defer e.open.CloseIdleConnections()
	defer work.Wait()
	work.Go(func() { e.repeat(ctx, "count", countEvery, e.count) })
	e.repeat(ctx, "collect", lookEvery, func(ctx context.Context) error {
		for target := range e.cfg.Webhooks() {
			if e.senders[target] != nil {
				continue
			}
			s := &sender{Escalator: e, target: target, woken: wait.NewSignal()}
			e.senders[target] = s
			work.Go(func() { e.repeat(ctx, "call "+target, lookEvery, s.send) })
		}
		return e.collect(ctx)
	})
	return nil
}

// repeat does something again and again while there are webhooks. Failures are counted,
// and logged where they begin and where they end.
func (e *Escalator) repeat(ctx context.Context, task string, every time.Duration, do func(context.Context) error) {
	wait.Task{
		Do: func(ctx context.Context) (time.Duration, error) {
			if len(e.cfg.Webhooks()) == 0 {
				return wait.Jitter(every), wait.ErrIdle
			}
			return wait.Jitter(every), do(ctx)
		},
		Failed: func(err error, first bool) {
			e.metrics.failures.WithLabelValues(task).Inc()
			if first {
				e.cfg.Logger.Warn("escalation fails", "task", task, "error", err)
			}
		},
		Recovered: func() { e.cfg.Logger.Info("escalation works again", "task", task) },
	}.Run(ctx)
}

// collect makes calls of all that has come due.
func (e *Escalator) collect(ctx context.Context) error {
	for {
		due, err := e.cfg.Log.Due(ctx)
		if err != nil || len(due) == 0 {
			return err
		}
		e.spare(ctx, due)
		calls := digests(due)
		if err := e.cfg.Log.MakeCalls(ctx, due, calls); err != nil && !errors.Is(err, store.ErrRaced) {
			return err
		}
		for _, c := range calls {
			if s := e.senders[c.Events[0].Target]; s != nil {
				s.woken.Raise()
			} // else it waits until the policy file names the target again
		}
	}
}

// spare leaves out events of people who are online, where that counts.
func (e *Escalator) spare(ctx context.Context, due []store.Due) {
	asked := make(map[string]bool)
	var people []string
	for _, d := range due {
		if key := d.Channel.Key(); !d.Moot && d.Unless&store.UnlessOnline != 0 && !asked[key] {
			asked[key] = true
			people = append(people, key)
		}
	}
	if len(people) == 0 {
		return
	}
	online := e.cfg.Online(ctx, people)
	for i := range due {
		d := &due[i]
		d.Moot = d.Moot || d.Unless&store.UnlessOnline != 0 && online[d.Channel.Key()]
	}
}

// count shows how calls stand, and forgets those that were parked long ago.
func (e *Escalator) count(ctx context.Context) error {
	all, err := e.cfg.Log.CallsTo(ctx)
	if err != nil {
		return err
	}
	e.metrics.show(all)
	for _, to := range all {
		if to.Parked > 0 {
			err = errors.Join(err, e.cfg.Log.ForgetCalls(ctx, to.Target))
		}
	}
	return err
}
