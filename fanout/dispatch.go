package fanout

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/wait"
)

// kind says which of the Handler's methods an item is for.
type kind uint8

const (
	kindMessage kind = iota
	kindSubscribed
	kindUnsubscribed
	kindLost
	kindBarrier
)

type item struct {
	kind    kind
	channel event.Channel
	message Message
	done    func() // kindBarrier
}

// dispatcher calls a Handler from a few workers. All that concerns one channel
// goes through one of them, in order. Handing over never blocks, because whoever
// does it reads the bus: Redis closes the connection of a reader that falls
// behind.
type dispatcher struct {
	handler Handler
	seed    maphash.Seed
	queues  []*queue
	stop    chan struct{}
	wg      sync.WaitGroup
}

// newDispatcher starts the workers. Each holds back at most limit messages of at
// most limitBytes together.
func newDispatcher(h Handler, workers, limit, limitBytes int) *dispatcher {
	d := &dispatcher{handler: h, seed: maphash.MakeSeed(), stop: make(chan struct{})}
	for range workers {
		q := &queue{
			limit:      limit,
			limitBytes: limitBytes,
			lost:       make(map[event.Channel]struct{}),
			wake:       wait.NewSignal(),
		}
		d.queues = append(d.queues, q)
		d.wg.Go(func() { d.work(q) })
	}
	return d
}

func (d *dispatcher) queue(ch event.Channel) *queue {
	return d.queues[maphash.String(d.seed, string(ch))%uint64(len(d.queues))]
}

// message hands a message over, or notes that one was lost.
func (d *dispatcher) message(m Message) { d.queue(m.Channel).pushMessage(m) }

// lost notes that messages of a channel were lost.
func (d *dispatcher) lost(ch event.Channel) { d.queue(ch).pushLost(ch) }

// acknowledge hands over kindSubscribed or kindUnsubscribed. These are never
// dropped. They need no limit: between two barriers a channel gets one of each
// that it asked for, and one more for a new connection.
func (d *dispatcher) acknowledge(k kind, channels ...event.Channel) {
	for _, ch := range channels {
		d.queue(ch).push(item{kind: k, channel: ch})
	}
}

// barrier returns a channel that is closed once everything handed over before has
// been handled. It stays open for ever if the dispatcher is closed first.
func (d *dispatcher) barrier() <-chan struct{} {
	passed := make(chan struct{})
	var left atomic.Int64
	left.Store(int64(len(d.queues)))
	for _, q := range d.queues {
		q.push(item{kind: kindBarrier, done: func() {
			if left.Add(-1) == 0 {
				close(passed)
			}
		}})
	}
	return passed
}

// close drops what is left and returns when no call of the handler is under way.
// It must not be called by the handler.
func (d *dispatcher) close() {
	close(d.stop)
	d.wg.Wait()
}

func (d *dispatcher) work(q *queue) {
	for {
		select {
		case <-d.stop:
			return
		case <-q.wake:
		}
		for items := q.take(); len(items) > 0; items = q.take() {
			for i := range items {
				select {
				case <-d.stop:
					return
				default:
				}
				d.call(q, &items[i])
				items[i] = item{}
			}
		}
	}
}

func (d *dispatcher) call(q *queue, it *item) {
	switch it.kind {
	case kindMessage:
		d.handler.Message(it.message)
		q.handled(it.message.size())
	case kindSubscribed:
		d.handler.Subscribed(it.channel)
	case kindUnsubscribed:
		d.handler.Unsubscribed(it.channel)
	case kindLost:
		q.lostHandled(it.channel)
		d.handler.Lost(it.channel)
	case kindBarrier:
		it.done()
	}
}

// queue is what waits for one worker.
type queue struct {
	limit, limitBytes int
	wake              wait.Signal

	mu sync.Mutex
	// items and spare change places each time the worker takes what waits.
	items, spare    []item
	messages, bytes int // waiting or being handled
	// lost has the channels with a kindLost waiting. One stands for all that
	// is dropped until it is handled, so that they are no more than channels.
	lost map[event.Channel]struct{}
}

// keepItems is how long an array of items may be to be used again: one burst
// should not cost its memory for ever.
const keepItems = 4096

func (q *queue) pushMessage(m Message) {
	size := m.size()
	q.mu.Lock()
	if q.messages >= q.limit || q.bytes+size > q.limitBytes {
		q.mu.Unlock()
		q.pushLost(m.Channel)
		return
	}
	q.messages++
	q.bytes += size
	q.items = append(q.items, item{kind: kindMessage, channel: m.Channel, message: m})
	q.mu.Unlock()
	q.wake.Raise()
}

func (q *queue) pushLost(ch event.Channel) {
	q.mu.Lock()
	if _, waits := q.lost[ch]; waits {
		q.mu.Unlock()
		return
	}
	q.lost[ch] = struct{}{}
	q.items = append(q.items, item{kind: kindLost, channel: ch})
	q.mu.Unlock()
	q.wake.Raise()
}

func (q *queue) push(it item) {
	q.mu.Lock()
	q.items = append(q.items, it)
	q.mu.Unlock()
	q.wake.Raise()
}

// take returns what waits. What it returned before is used again.
func (q *queue) take() []item {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	if cap(q.spare) > keepItems {
		q.spare = nil
	}
	q.items, q.spare = q.spare[:0], items
	return items
}

func (q *queue) handled(bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.messages--
	q.bytes -= bytes
}

// lostHandled is called before the handler is: what is dropped from then on needs
// another call.
func (q *queue) lostHandled(ch event.Channel) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.lost, ch)
}
