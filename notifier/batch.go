package notifier

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// How long a batcher waits for what; none of it is worth a setting.
const (
	// appendTimeout bounds one call of the log, which has bounds of its own.
	appendTimeout = 15 * time.Second
	// queueWait is how long an event may wait to be tried. While the log is
	// away every group takes its time to fail, and a publisher who is told so
	// late has given up already.
	queueWait = 5 * time.Second
	// maxKeyWait is how long a request waits for another one with its key.
	maxKeyWait = 5 * time.Second
	// keyPollFirst and keyPollMax are the pauses between two looks at the key.
	keyPollFirst = 20 * time.Millisecond
	keyPollMax   = 320 * time.Millisecond
	// maxParked is how many requests may wait for their keys at once.
	maxParked = 256
)

// batcher gathers single appends into transactions: group commit.
type batcher struct {
	log       Log
	logger    *slog.Logger
	publisher *publisher
	metrics   *metrics
	recall    *recall
	queue     *queue
	size      int           // how many groups may be under way
	keyWait   time.Duration // maxKeyWait but in tests
	// parked holds a place for each job that waits for its key, and alone the
	// right to look: they must not take the log's connections from the groups.
	parked chan struct{}
	alone  chan struct{}
	// stopping ends when the batcher is told to stop.
	stopping context.Context
	stop     context.CancelFunc
	workers  sync.WaitGroup
}

func newBatcher(c Config, p *publisher, m *metrics, r *recall) *batcher {
	b := &batcher{
		log: c.Log, logger: c.Logger, publisher: p, metrics: m, recall: r,
		queue: newQueue(size{c.QueueRows, c.QueueBytes}, size{c.GroupRows, c.GroupBytes}),
		size:  c.Batchers, keyWait: maxKeyWait,
		parked: make(chan struct{}, maxParked), alone: make(chan struct{}, 1),
	}
	b.stopping, b.stop = context.WithCancel(context.Background())
	return b
}

// submit queues a job. Once it succeeds the job is carried out, whether or not
// anybody waits for the outcome.
func (b *batcher) submit(j *job) error {
	err := b.queue.push(j)
	if err != nil {
		b.metrics.results.WithLabelValues("refused").Inc()
	}
	return err
}

// start begins the work. close ends it.
func (b *batcher) start() {
	for range b.size {
		b.workers.Go(b.work)
	}
}

// close carries out what is queued and returns. It must follow start.
func (b *batcher) close() {
	b.stop()
	b.queue.close()
	b.workers.Wait()
}

func (b *batcher) work() {
	away := false
	for group := b.queue.take(nil); group != nil; group = b.queue.take(group) {
		switch fresh := b.fresh(group); {
		case len(fresh) == 0:
		case away:
			b.refuse(ErrStopped, fresh...)
		default:
			// The way down does not wait for a log that is away, group by group.
			away = errors.Is(b.commit(fresh), store.ErrUnavailable) && b.stopping.Err() != nil
		}
		b.yield()
	}
}

// yield lets the publishers who were just answered come first, as long as they
// have more to say: it belongs into the next group, and not into the one after
// it. This is no pause: with nobody ready to run it returns at once.
func (b *batcher) yield() {
	const most = 16
	for last, i := -1, 0; i < most; i++ {
		depth := b.queue.depth()
		if depth == last {
			return
		}
		last = depth
		runtime.Gosched()
	}
}

// fresh refuses the jobs of a group that waited for too long, and returns the
// others.
func (b *batcher) fresh(group []*job) []*job {
	fresh := make([]*job, 0, len(group))
	for _, j := range group {
		if time.Since(j.queued) > queueWait {
			b.refuse(ErrBusy, j)
			continue
		}
		fresh = append(fresh, j)
	}
	return fresh
}

// commit appends a group and sees to every job of it. The error is the last
// that the log gave, for whoever decides how to go on.
func (b *batcher) commit(group []*job) error {
	if group = inOrder(group, b.refuse); len(group) == 0 {
		return nil
	}
	epoch, appended, err := b.append(group)
	switch {
	case err == nil:
		b.settle(epoch, group, appended)
		return nil
	case len(group) > 1 && errors.Is(err, store.ErrNotWritten) && !errors.Is(err, store.ErrUnavailable):
		// Nothing was written, and not because the log is away: one of the jobs
		// may be to blame. Halving finds it in few transactions and keeps the
		// order of the others.
		b.metrics.splits.Inc()
		half := len(group) / 2
		if err := b.commit(group[:half]); errors.Is(err, store.ErrUnavailable) {
			b.fail(fmt.Errorf("%w: %w: it went away before", store.ErrUnavailable, store.ErrNotWritten), group[half:])
			return err
		}
		return b.commit(group[half:])
	default:
		b.fail(err, group)
		return err
	}
}

// append is one transaction.
func (b *batcher) append(group []*job) (event.Epoch, []store.Appended, error) {
	entries := make([]store.Entry, len(group))
	for i, j := range group {
		entries[i] = j.entry
	}
	ctx, cancel := context.WithTimeout(context.Background(), appendTimeout)
	defer cancel()
	began := time.Now()
	epoch, appended, err := b.log.Append(ctx, entries)
	b.metrics.commitSeconds.Observe(time.Since(began).Seconds())
	b.metrics.groupRows.Observe(float64(rowsOf(group)))
	return epoch, appended, err
}

// settle tells the jobs of a committed group what became of them. Publishing
// comes first: it does not wait, and listeners are as eager as the publisher.
func (b *batcher) settle(epoch event.Epoch, group []*job, appended []store.Appended) {
	news := make([]announcement, 0, len(group))
	for i, j := range group {
		if appended[i].Err == nil && !appended[i].Replayed {
			b.recall.note(j, epoch, &appended[i])
			news = append(news, announcement{job: j, epoch: epoch, appended: appended[i]})
		}
	}
	b.publisher.enqueue(news)
	b.queue.answering(group)
	for i, j := range group {
		switch a := appended[i]; {
		case errors.Is(a.Err, store.ErrKeyBusy) && j.series == nil:
			b.park(j)
		case a.Err != nil:
			b.metrics.results.WithLabelValues("refused").Inc()
			j.end(outcome{err: a.Err})
		case a.Replayed:
			b.metrics.results.WithLabelValues("replayed").Inc()
			j.report(nil)
			j.end(outcome{epoch: epoch, appended: a})
		default:
			b.metrics.results.WithLabelValues("written").Inc()
			for k, ch := range j.entry.Channels {
				if a.Seqs[k] > 0 { // else it is muted
					b.metrics.rows.WithLabelValues(ch.Namespace()).Inc()
				}
			}
			j.wrote(nil)
			j.end(outcome{epoch: epoch, appended: a})
		}
	}
}

// park lets a job wait for another request with its key, apart from its
// neighbours.
func (b *batcher) park(j *job) {
	select {
	case b.parked <- struct{}{}:
		b.workers.Go(func() {
			defer func() { <-b.parked }()
			b.retryAlone(j)
		})
	default:
		b.refuse(store.ErrKeyBusy, j)
	}
}

// retryAlone tries a parked job until its key is free, or for keyWait.
func (b *batcher) retryAlone(j *job) {
	ctx, cancel := context.WithTimeout(b.stopping, b.keyWait)
	defer cancel()
	for pause := keyPollFirst; ; pause = min(2*pause, keyPollMax) {
		select {
		case <-ctx.Done():
			b.refuse(store.ErrKeyBusy, j)
			return
		case <-time.After(pause):
		}
		select {
		case <-ctx.Done():
			b.refuse(store.ErrKeyBusy, j)
			return
		case b.alone <- struct{}{}:
		}
		group := []*job{j}
		epoch, appended, err := b.append(group)
		<-b.alone
		switch {
		case err != nil:
			b.fail(err, group)
			return
		case !errors.Is(appended[0].Err, store.ErrKeyBusy):
			b.settle(epoch, group, appended)
			return
		}
	}
}

// refuse ends jobs that were not tried, or in vain; nothing of them is written.
func (b *batcher) refuse(err error, jobs ...*job) {
	b.metrics.results.WithLabelValues("refused").Add(float64(len(jobs)))
	for _, j := range jobs {
		j.end(outcome{err: err})
	}
}

// fail ends jobs whose transaction failed.
func (b *batcher) fail(err error, jobs []*job) {
	b.metrics.results.WithLabelValues("failed").Add(float64(len(jobs)))
	b.logger.Warn("append failed", "events", len(jobs), "error", err)
	for _, j := range jobs {
		j.wrote(err)
		j.end(outcome{err: err})
	}
}
