// Package notifier takes events from backend services: it writes them to the
// log in groups, answers once they are committed, and tells the gateways by the
// bus. Events of Redis-kept channels go to a log of their own. It also looks after
// the log: retention, and epochs when the primary changes.
package notifier

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/internal/rate"
	"github.com/bellhop/bellhop/internal/tracing"
)

// Config of a Notifier.
type Config struct {
	// Log and Bus are where events go. Required.
	Log Log
	Bus fanout.Publisher
	// Kept is where events of namespaces with "log: redis" go. Nil: to Log, as
	// all others.
	Kept Kept
	// Policies are the namespaces that events may be published in. The zero
	// value knows none.
	Policies auth.Policies
	// Keys are who may publish. The zero value lets nobody.
	Keys auth.ServiceKeys
	// Tracer follows requests and what comes of them. Nil: nobody does.
	Tracer *tracing.Tracer
	// Registerer takes the metrics. Nil: they are not shown.
	Registerer prometheus.Registerer
	// Logger. Default: slog.Default().
	Logger *slog.Logger

	// Batchers is how many transactions may be under way at once, 1 to 16.
	// Each takes a connection of the log's. The second starts only when the
	// first takes long or the queue has more than a group. Default: 2.
	Batchers int
	// GroupRows and GroupBytes close a group. Default: 2000 and 2 MiB.
	GroupRows, GroupBytes int
	// QueueRows and QueueBytes bound what waits to be written, for each of the
	// logs; one service may have seven eighths of it. Default: 20,000 and 64 MiB.
	QueueRows, QueueBytes int
	// PublishBytes bounds what waits for the bus. Default: 32 MiB.
	PublishBytes int
	// ServiceRate is how many publishing requests each service may send in a
	// second; it may save up those of five seconds. Default: no limit.
	ServiceRate int
	// MaxData is the largest event data, as event.ParseData returns it, in bytes.
	// Default: event.MaxLineData; at most MaxRequestData.
	MaxData int
	// Remember is of how many events, counted once for each channel, it is remembered for
	// ten minutes who published them and when. Default: of none.
	Remember int
	// Audit takes the lines of admin calls if the policies want them in a table. Nil: they
	// are in Logger alone.
	Audit AuditLog
	// Support answers operators' questions. Nil: the API has none.
	Support *Support

	access *atomic.Pointer[access] // Keys and Policies as they are now
}

// access is who may publish, and where.
type access struct {
	keys     auth.ServiceKeys
	policies auth.Policies
}

func (c Config) withDefaults() Config {
	c.Batchers = cmp.Or(c.Batchers, 2)
	c.GroupRows = cmp.Or(c.GroupRows, 2000)
	c.GroupBytes = cmp.Or(c.GroupBytes, 2<<20)
	c.QueueRows = cmp.Or(c.QueueRows, 20_000)
	c.QueueBytes = cmp.Or(c.QueueBytes, 64<<20)
	c.PublishBytes = cmp.Or(c.PublishBytes, 32<<20)
	c.MaxData = cmp.Or(c.MaxData, event.MaxLineData)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.access = new(atomic.Pointer[access])
	c.access.Store(&access{c.Keys, c.Policies})
	return c
}

func (c Config) validate() error {
	var errs []error
	if c.Log == nil || c.Bus == nil {
		errs = append(errs, errors.New("a log and a bus are required"))
	}
	if c.Batchers < 1 || c.Batchers > 16 {
		errs = append(errs, fmt.Errorf("batchers: want 1 to 16, not %d", c.Batchers))
	}
	if c.MaxData > MaxRequestData {
		errs = append(errs, fmt.Errorf("largest data: want at most %d bytes, not %d", MaxRequestData, c.MaxData))
	}
	if min(c.GroupRows, c.GroupBytes, c.QueueRows, c.QueueBytes, c.PublishBytes, c.MaxData) < 1 {
		errs = append(errs, errors.New("a bound must be positive"))
	}
	return errors.Join(errs...)
}

// Notifier accepts, writes and publishes events. It is safe for concurrent use.
type Notifier struct {
	cfg         Config
	metrics     *metrics
	batcher     *batcher
	keptBatcher *keptBatcher // nil without Config.Kept
	publisher   *publisher
	maintenance *maintenance

	mu      sync.Mutex // guards started and stopped; held until Start or Stop is done
	started bool
	stopped bool
	running atomic.Bool // for those who can't wait for a Stop
	bodies  *bodies
	rates   *rate.Limiter[string] // of requests, by service
	recall  *recall
	watch   *watch // nil without Config.Support
}

// New makes a notifier that does nothing yet: see Start and Register.
func New(c Config) (*Notifier, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("notifier: %w", err)
	}
	if c.MaxData > event.MaxLineData {
		c.Logger.Warn("the data of events may make lines of 64 KiB and more, which some clients can't read", "max_data", c.MaxData)
	}
	n := &Notifier{cfg: c, metrics: newMetrics(), bodies: newBodies(), rates: rate.New[string](c.ServiceRate, rateBurst), recall: newRecall(c.Remember)}
	n.publisher = newPublisher(c, n.metrics, n.recall)
	n.batcher = newBatcher(c, n.publisher, n.metrics, n.recall)
	n.maintenance = newMaintenance(c, n.metrics)
	var kept *queue
	if c.Kept != nil {
		n.keptBatcher = newKeptBatcher(c, n.metrics, n.recall)
		kept = n.keptBatcher.queue
	}
	if c.Support != nil {
		n.answer(c.Support.Fleet)
		n.watch = newWatch(func(ctx context.Context) (any, error) { return n.lookAtFleet(ctx), nil })
	}
	if c.Registerer != nil {
		if err := n.metrics.register(c.Registerer, n.batcher.queue, kept); err != nil {
			return nil, fmt.Errorf("notifier: register metrics: %w", err)
		}
	}
	return n, nil
}

// SetAccess replaces Config.Keys and Config.Policies for what is asked from now on. A
// namespace must not change its log.
func (n *Notifier) SetAccess(keys auth.ServiceKeys, policies auth.Policies) {
	n.cfg.access.Store(&access{keys, policies})
}

// Start begins the work. Events that are published before wait for it. The
// context carries values only: Stop ends the work, after the listeners that
// publishers talk to are closed. A second Start, or one after Stop, is an error.
func (n *Notifier) Start(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.started || n.stopped {
		return errors.New("notifier: started twice, or after its end")
	}
	n.start(ctx)
	return nil
}

func (n *Notifier) start(ctx context.Context) {
	n.started = true
	n.running.Store(true)
	n.publisher.start()
	n.batcher.start()
	if n.keptBatcher != nil {
		n.keptBatcher.start()
	}
	n.maintenance.start(ctx)
}

// Stop refuses further events, writes and publishes those it has taken, and
// returns when all is done: soon, or after some seconds if the log or the bus
// is away. It may be called more than once, and without Start.
func (n *Notifier) Stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped {
		return
	}
	n.stopped = true
	if !n.started {
		// What was queued before must be answered all the same.
		n.start(context.Background())
	}
	n.running.Store(false)
	n.EndWatches()
	n.maintenance.stop()
	n.batcher.close()
	if n.keptBatcher != nil {
		n.keptBatcher.close()
	}
	n.publisher.close()
}

// Ready tells whether events can be taken now.
func (n *Notifier) Ready(ctx context.Context) error {
	if !n.running.Load() {
		return ErrStopped
	}
	return n.cfg.Log.Ready(ctx)
}
