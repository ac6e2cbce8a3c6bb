package notifier

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// Kept is what the notifier needs of the log that keeps the channels of
// namespaces with "log: redis". It is safe for concurrent use, and bounds its
// calls in time itself.
type Kept interface {
	// Append writes and publishes each entry for itself. Err of a result is as
	// an error of Log.Append.
	Append(ctx context.Context, entries []store.Entry) []store.KeptAppended
	// Purge takes all events of a channel away for good, and tells the bus.
	Purge(ctx context.Context, channel event.Channel) error
	// Trim does one bounded step of a walk over all channels, as Log.Trim does.
	Trim(ctx context.Context, from store.KeptCursor) (store.KeptCursor, error)
	// Heads and Ranges read channels.
	Heads(ctx context.Context, channels []event.Channel, fresh bool) ([]store.KeptHead, error)
	Ranges(ctx context.Context, ranges []store.Range) ([]store.Page, error)
}

const (
	// keptRows and keptBytes are what goes out at once. Redis carries such a
	// group out without a look at anybody else, so it should be over within some
	// milliseconds.
	keptRows  = 256
	keptBytes = 1 << 20
	// keptTimeout bounds one call.
	keptTimeout = 5 * time.Second
)

// keptBatcher appends the events of channels that are not in the database. What
// gathers while a group is under way is the next group, as with batcher; but
// there is one worker, so that the order of a channel is that of the queue, and
// each event succeeds or fails for itself.
type keptBatcher struct {
	log     Kept
	logger  *slog.Logger
	metrics *metrics
	recall  *recall
	queue   *queue
	done    chan struct{}
	// stopping says that the queue is closed.
	stopping atomic.Bool
	away     bool // touched by the worker alone
}

func newKeptBatcher(c Config, m *metrics, r *recall) *keptBatcher {
	return &keptBatcher{
		log: c.Kept, logger: c.Logger, metrics: m, recall: r, done: make(chan struct{}),
		queue: newQueue(size{c.QueueRows, c.QueueBytes}, size{keptRows, keptBytes}),
	}
}

// submit queues a job. Once it succeeds the job is carried out, whether or not
// anybody waits for the outcome.
func (k *keptBatcher) submit(j *job) error {
	err := k.queue.push(j)
	if err != nil {
		k.metrics.kept.WithLabelValues("refused").Inc()
	}
	return err
}

func (k *keptBatcher) start() { go k.work() }

// close carries out what is queued and returns. It must follow start.
func (k *keptBatcher) close() {
	k.stopping.Store(true)
	k.queue.close()
	<-k.done
}

func (k *keptBatcher) work() {
	defer close(k.done)
	for group := k.queue.take(nil); group != nil; group = k.queue.take(group) {
		if k.away && k.stopping.Load() {
			// The way down does not wait for a log that is away, group by group.
			k.refuse(ErrStopped, group...)
			continue
		}
		k.append(group)
	}
}

// refuse ends jobs that were not tried.
func (k *keptBatcher) refuse(err error, jobs ...*job) {
	for _, j := range jobs {
		k.settle(j, "refused", outcome{err: err})
	}
}

// append sees to every job of a group. While the log is away each call takes its
// time to fail; jobs that waited for too long meanwhile are not tried.
func (k *keptBatcher) append(group []*job) {
	entries := make([]store.Entry, 0, len(group))
	fresh := make([]*job, 0, len(group))
	for _, j := range inOrder(group, k.refuse) {
		if time.Since(j.queued) > queueWait {
			k.refuse(ErrBusy, j)
			continue
		}
		entries = append(entries, j.entry)
		fresh = append(fresh, j)
	}
	if len(fresh) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), keptTimeout)
	defer cancel()
	began := time.Now()
	results := k.log.Append(ctx, entries)
	k.metrics.keptSeconds.Observe(time.Since(began).Seconds())
	var away error
	for i, j := range fresh {
		o := outcome{epoch: results[i].Epoch, appended: results[i].Appended, err: results[i].Err}
		switch {
		case errors.Is(o.err, store.ErrKeyBody):
			k.settle(j, "refused", o)
		case o.err != nil:
			away = o.err
			k.settle(j, "failed", o)
		case o.appended.Replayed:
			j.report(nil)
			k.settle(j, "replayed", o)
		default:
			k.recall.note(j, o.epoch, &o.appended)
			k.recall.announced(j, []int{results[i].Receivers})
			j.report([]int{results[i].Receivers})
			k.settle(j, "written", o)
		}
	}
	k.observe(away)
}

func (k *keptBatcher) settle(j *job, result string, o outcome) {
	k.metrics.kept.WithLabelValues(result).Inc()
	j.wrote(o.err)
	j.end(o)
}

// observe logs where the log goes away and where it comes back.
func (k *keptBatcher) observe(err error) {
	switch {
	case err != nil && !k.away:
		k.logger.Warn("events of Redis-kept channels are not written", "error", err)
	case err == nil && k.away:
		k.logger.Info("events of Redis-kept channels are written again")
	}
	k.away = err != nil
}

// isKept tells whether a channel is kept apart from the database.
func (n *Notifier) isKept(ch event.Channel) bool {
	policy, _ := n.cfg.access.Load().policies.Lookup(ch.Namespace())
	return n.keptBatcher != nil && policy.Log == auth.LogRedis
}

// submit queues a job for the log that its channels are kept in; they are all of
// one kind.
func (n *Notifier) submit(j *job) error {
	if n.isKept(j.entry.Channels[0]) {
		return n.keptBatcher.submit(j)
	}
	return n.batcher.submit(j)
}
