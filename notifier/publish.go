package notifier

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/internal/tracing"
	"github.com/bellhop/bellhop/store"
)

const (
	// publishTimeout bounds one pipeline.
	publishTimeout = time.Second
	// publishFresh is how old an announcement may be. By then every gateway has
	// read the event from the log's tail, and after an outage of the bus old
	// news would only delay the new.
	publishFresh = 2 * time.Second
	// publishRows and publishBytes are what a pipeline takes, unless a single event
	// has more: a bus that is slow is to lose some messages by publishTimeout, not
	// all that wait.
	publishRows  = 2000
	publishBytes = 4 << 20
)

// announcement is an appended event that gateways should hear of.
type announcement struct {
	job      *job
	epoch    event.Epoch
	appended store.Appended
}

// publisher tells the bus what was committed. It has one worker and takes the
// groups as they are committed, so that the messages of a channel are published
// in the order of their seqs. Where that can't be (another notifier appends to
// the same channel), the hub sees a hole and heals it.
//
// Nobody waits for the bus. A queue that is full, an announcement that is too
// old and a pipeline that fails are dropped and counted: the tail tells the
// gateways the same, a little later.
type publisher struct {
	bus      fanout.Publisher
	logger   *slog.Logger
	metrics  *metrics
	maxBytes int
	recall   *recall

	mu     sync.Mutex // guards all below
	more   sync.Cond
	queue  []announcement
	queued []time.Time // of each announcement
	bytes  int
	closed bool

	failing bool // touched by the worker alone
	done    chan struct{}
}

func newPublisher(c Config, m *metrics, r *recall) *publisher {
	p := &publisher{
		bus: c.Bus, logger: c.Logger, metrics: m, maxBytes: c.PublishBytes, recall: r,
		done: make(chan struct{}),
	}
	p.more.L = &p.mu
	return p
}

// enqueue never blocks. Of news that do not fit, the rest is dropped: once a
// channel has a hole, the hub asks the log, whatever follows.
func (p *publisher) enqueue(news []announcement) {
	if len(news) == 0 {
		return
	}
	now := time.Now()
	p.mu.Lock()
	n := 0
	for _, a := range news {
		if p.closed || len(p.queue) > 0 && p.bytes+a.job.bytes > p.maxBytes {
			break
		}
		p.queue = append(p.queue, a)
		p.queued = append(p.queued, now)
		p.bytes += a.job.bytes
		n++
	}
	p.more.Signal()
	p.mu.Unlock()
	p.drop("full", news[n:])
}

func (p *publisher) start() { go p.work() }

// close publishes what is queued and returns. It must follow start.
func (p *publisher) close() {
	p.mu.Lock()
	p.closed = true
	p.more.Broadcast()
	p.mu.Unlock()
	<-p.done
}

func (p *publisher) work() {
	defer close(p.done)
	for {
		news, stale, ok := p.take()
		if !ok {
			return
		}
		p.drop("stale", stale)
		if len(news) > 0 {
			p.publish(news)
		}
	}
}

// take waits for announcements and returns those of one pipeline, and those
// that waited for too long; ok is false when the publisher is closed and empty.
func (p *publisher) take() (news, stale []announcement, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.queue) == 0 {
		if p.closed {
			return nil, nil, false
		}
		p.more.Wait()
	}
	n, taken := 0, size{}
	for i, a := range p.queue {
		switch {
		case time.Since(p.queued[i]) > publishFresh:
			stale = append(stale, a)
		case len(news) > 0 && taken.plus(a.job).exceeds(size{publishRows, publishBytes}):
			return p.cut(n, news, stale)
		default:
			news = append(news, a)
			taken = taken.plus(a.job)
		}
		n++
	}
	return p.cut(n, news, stale)
}

// cut takes the first n announcements off the queue. p.mu is held.
func (p *publisher) cut(n int, news, stale []announcement) ([]announcement, []announcement, bool) {
	for _, a := range p.queue[:n] {
		p.bytes -= a.job.bytes
	}
	rest := copy(p.queue, p.queue[n:])
	clear(p.queue[rest:])
	p.queue = p.queue[:rest]
	p.queued = p.queued[:copy(p.queued, p.queued[n:])]
	return news, stale, true
}

// publish renders the events, once for all gateways, and sends them.
func (p *publisher) publish(news []announcement) {
	var messages []fanout.Message
	var spans []*tracing.Span // of those that are traced
	for _, a := range news {
		var span *tracing.Span
		if span, messages = a.announce(messages); span != nil {
			spans = append(spans, span)
		}
	}
	for _, a := range news { // after the events: these are counted by their places
		messages = a.appendNotes(messages)
	}
	ctx, cancel := context.WithTimeout(context.Background(), publishTimeout)
	defer cancel()
	receivers, err := p.bus.Publish(ctx, messages)
	p.observe(len(messages), err)
	for _, span := range spans {
		span.End(err)
	}
	if err != nil {
		receivers = nil
	}
	for _, a := range news {
		if receivers == nil {
			a.job.report(nil)
			continue
		}
		var own []int
		own, receivers = a.receivers(receivers)
		a.job.report(own)
		p.recall.announced(a.job, own)
	}
}

// hint sends a message without a frame: the channel changed in another way than
// by an append. It returns after publishTimeout at the latest.
func (p *publisher) hint(ctx context.Context, m fanout.Message) {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	if _, err := p.bus.Publish(ctx, []fanout.Message{m}); err != nil {
		p.metrics.publishFailed.Inc()
		p.logger.Warn("publish failed", "channel", m.Channel, "error", err)
		return
	}
	p.metrics.published.Inc()
}

// observe counts, and logs where the bus goes away and where it comes back.
func (p *publisher) observe(messages int, err error) {
	if err != nil {
		p.metrics.publishFailed.Add(float64(messages))
	} else {
		p.metrics.published.Add(float64(messages))
	}
	switch {
	case err != nil && !p.failing:
		p.logger.Warn("publishing fails; gateways hear of events from the log", "error", err)
	case err == nil && p.failing:
		p.logger.Info("publishing works again")
	}
	p.failing = err != nil
}

func (p *publisher) drop(why string, news []announcement) {
	for _, a := range news {
		p.metrics.publishDropped.WithLabelValues(why).Add(float64(a.job.rows))
		a.job.report(nil)
	}
}

// appendMessages renders the announcement. An event that has expired by now
// goes without its frame: what nobody may see any more must not lie on the bus.
func (a announcement) appendMessages(messages []fanout.Message) []fanout.Message {
	e := &a.job.entry
	expired := !e.ExpiresAt.IsZero() && !e.ExpiresAt.After(time.Now())
	for i, channel := range e.Channels {
		if a.appended.Seqs[i] == 0 {
			continue // muted
		}
		m := fanout.Message{Channel: channel, Epoch: a.epoch, Seq: a.appended.Seqs[i]}
		if !expired {
			m.Frame = event.NewFrame(&event.Event{
				Channel: channel, Seq: m.Seq, Type: e.Type, Time: a.appended.Time, Data: e.Data,
			})
		}
		messages = append(messages, m)
	}
	return messages
}

// receivers takes the numbers of an announcement's messages off a list: one for each of
// its channels, -1 where there was no message.
func (a announcement) receivers(all []int) (own, rest []int) {
	own = make([]int, len(a.appended.Seqs))
	for i, seq := range a.appended.Seqs {
		if own[i] = -1; seq > 0 {
			own[i], all = all[0], all[1:]
		}
	}
	return own, all
}

// appendNotes adds what gateways can't tell from the events themselves: how
// inboxes stand in which the announcement's group replaced older ones.
func (a announcement) appendNotes(messages []fanout.Message) []fanout.Message {
	for _, n := range a.appended.Notes {
		messages = append(messages, fanout.Message{Channel: n.Channel, Epoch: a.epoch, Seq: n.Note.Head, Note: n.Note})
	}
	return messages
}
