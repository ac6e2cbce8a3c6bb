// Package relay publishes what stands in a product's outbox: a table in the product's own
// MySQL or MariaDB, into which it writes an event in the transaction of the change that the
// event tells of. A committed row is published once, and taken out; one of a transaction
// that was rolled back never is. Of several relays of a table one is at work, and another
// takes over within five seconds.
//
// Rows are published in the order of their ids, as far as they can be seen: an id is given
// before the commit, so that of two transactions at the same time the one that committed
// later may have the lower id, and comes later. Whoever changes one thing after the other,
// each in its transaction, sees the order kept in each channel, whatever fails.
package relay

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/internal/wait"
	"github.com/bellhop/bellhop/notifier"
)

// Publisher is what a relay needs of a notifier.
type Publisher interface {
	PublishInOrder(ctx context.Context, from auth.Service, events []notifier.Outgoing) []notifier.Receipt
}

// Config of a Relay.
type Config struct {
	// DSN is where the outbox is, as go-sql-driver reads it; Table its name. Required.
	DSN, Table string
	// TLS, where it is set, is used whatever the DSN says of it.
	TLS *tls.Config
	// To publishes. Required.
	To Publisher
	// Registerer takes the metrics. Nil: they are not shown.
	Registerer prometheus.Registerer
	// Logger. Default: slog.Default().
	Logger *slog.Logger
}

const (
	// idlePause is between two reads of an outbox that is empty, shortPause of one that
	// is not: what came meanwhile goes together.
	idlePause  = 100 * time.Millisecond
	shortPause = 20 * time.Millisecond
	// failFirst and failMost are the pauses after something failed.
	failFirst = 100 * time.Millisecond
	failMost  = 5 * time.Second
	// roundMost bounds a round, which the end of the program waits for.
	roundMost = 15 * time.Second
	// unfitTries is how often a row is tried that the log does not take while it takes
	// others, before it counts as refused.
	unfitTries = 5
	// countEvery is how often the rows that were refused are counted.
	countEvery = 5 * time.Second
)

// Relay publishes what stands in one outbox.
type Relay struct {
	cfg     Config
	table   *table
	lease   *lease
	metrics *metrics

	unfit   map[int64]int // rows that the log did not take, and how often; of one round at most
	counted time.Time
	doubt   atomic.Pointer[string] // what is wrong; empty: nothing
}

// New makes a relay that does nothing yet. It does not connect.
func New(c Config) (*Relay, error) {
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if err := CheckTable(c.Table); err != nil {
		return nil, fmt.Errorf("the outbox's table: %w", err)
	}
	db, err := open(c.DSN, c.TLS, c.Logger)
	if err != nil {
		return nil, fmt.Errorf("the outbox: %w", err)
	}
	r := &Relay{cfg: c, table: &table{db, c.Table}, lease: newLease(db, c.Table, c.Logger), metrics: newMetrics(time.Now())}
	r.doubt.Store(new(string))
	if c.Registerer != nil {
		if err := r.metrics.register(c.Registerer); err != nil {
			return nil, errors.Join(fmt.Errorf("relay: register metrics: %w", err), db.Close())
		}
	}
	return r, nil
}

// Close ends all connections. It comes after Run.
func (r *Relay) Close() error { return r.table.db.Close() }

// Examine tries what the relay will ask of the outbox, and touches no row. Its error wraps
// ErrUnfit if waiting does not mend it.
func (r *Relay) Examine(ctx context.Context) error { return r.table.examine(ctx) }

// Doubt is what keeps the relay from its work; empty: nothing that is known.
func (r *Relay) Doubt() string { return *r.doubt.Load() }

// Run relays until ctx ends, and then returns nil. A table that can't be relayed is an
// error that wraps ErrUnfit if the first look finds it; later on it is waited for, as is
// a server that is away.
func (r *Relay) Run(ctx context.Context) error {
	if err := r.Examine(ctx); errors.Is(err, ErrUnfit) {
		return err
	}
	var keeper sync.WaitGroup
	fit, failures := false, 0
	wait.Task{
		Do: func(ctx context.Context) (pause time.Duration, err error) {
			if fit {
				pause, err = r.round(ctx)
			} else if err = r.Examine(ctx); err == nil {
				fit = true
				keeper.Go(func() { r.lease.keep(ctx) })
			}
			if err == nil {
				failures = 0
				return pause, nil
			}
			failures++
			return backoff(failures), unfit(r.cfg.Table, err)
		},
		Failed: func(err error, first bool) {
			if first {
				r.cfg.Logger.Warn("the outbox is not relayed", "table", r.cfg.Table, "error", err)
			}
			r.doubt.Store(new(err.Error()))
		},
		Recovered: func() {
			r.cfg.Logger.Info("the outbox is relayed again", "table", r.cfg.Table)
			r.doubt.Store(new(string))
		},
	}.Run(ctx)
	keeper.Wait()
	if _, held := r.lease.held(); held {
		if err := r.lease.giveBack(context.WithoutCancel(ctx)); err != nil {
			r.cfg.Logger.Warn("another relay takes over later than it could", "error", err)
		}
	}
	return nil
}

// backoff is how long to wait after so many failures, with some randomness.
func backoff(failures int) time.Duration {
	pause := min(failFirst<<min(max(failures-1, 0), 10), failMost)
	return pause/2 + rand.N(pause/2)
}

// round publishes the oldest rows and takes out what is settled. It returns how long to
// wait before the next one, or an error if some rows have to wait.
func (r *Relay) round(ctx context.Context) (time.Duration, error) {
	// What has begun ends: it is soon done, and would else be done again.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), roundMost)
	defer cancel()
	life, held := r.lease.held()
	if !held {
		other, err := r.lease.state()
		if other {
			r.metrics.idle()
		}
		return idlePause, err
	}
	r.count(ctx)
	began := time.Now()
	w, err := r.table.oldest(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the outbox: %w", err)
	}
	r.metrics.waitsSince(began.Add(-w.age))
	if len(w.rows) == 0 {
		return idlePause, nil
	}
	events := make([]notifier.Outgoing, len(w.rows))
	for i := range w.rows {
		events[i] = w.rows[i].event(life)
	}
	receipts := r.cfg.To.PublishInOrder(ctx, auth.Outbox(), events)
	if err := r.settle(ctx, w.rows, receipts); err != nil {
		return 0, err
	}
	if w.more {
		return 0, nil
	}
	return shortPause, nil
}

// settle takes out the rows that are written, and parks those that were refused. The error
// is that of the first row that has to wait.
func (r *Relay) settle(ctx context.Context, rows []row, receipts []notifier.Receipt) error {
	var written []int64
	var waits error
	tries := make(map[int64]int)
	for i, receipt := range receipts {
		id := rows[i].ID
		if receipt.Unfit {
			tries[id] = r.unfit[id] + 1
		}
		switch {
		case receipt.Err == nil:
			written = append(written, id)
		case receipt.Refused || tries[id] >= unfitTries:
			if err := r.park(ctx, id, receipt.Err); err != nil {
				return err
			}
		case waits == nil:
			waits = fmt.Errorf("row %d: %w", id, receipt.Err)
		}
	}
	r.unfit = tries
	if err := r.table.remove(ctx, written); err != nil {
		return fmt.Errorf("take out what is published: %w", err)
	}
	r.metrics.relayed.Add(float64(len(written)))
	return waits
}

func (r *Relay) park(ctx context.Context, id int64, reason error) error {
	if err := r.table.park(ctx, id, reason.Error()); err != nil {
		return fmt.Errorf("park row %d: %w", id, err)
	}
	r.cfg.Logger.Error("a row of the outbox is refused", "table", r.cfg.Table, "row", id, "reason", reason)
	r.metrics.refused.Inc()
	r.counted = time.Time{}
	return nil
}

// count counts what is parked, from time to time.
func (r *Relay) count(ctx context.Context) {
	if time.Since(r.counted) < countEvery {
		return
	}
	if n, err := r.table.parked(ctx); err == nil {
		r.counted = time.Now()
		r.metrics.parked.Set(float64(n))
	}
}
