package poll

import (
	"container/list"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bellhop/bellhop/gateway/conn"
)

// Linger is how long a stream waits for its next poll: longer than a client spends on
// a poll at another gateway, between which a balancer may have it change all the time.
const Linger = 30 * time.Second

// most is how many streams may wait. The one that has waited longest gives way.
const most = 16 << 10

// Key says which stream a poll can go on with.
type Key struct {
	User   string // whose token it is, and when it was issued
	Issued int64
	// Form is what else the request asks of the stream.
	Form string
	// At is the client's cursor, channel by channel, as Stream.Cursor has it;
	// empty: it brought no position in one of them.
	At string
}

// Polls are the streams that wait for their next poll. It is safe for concurrent use.
type Polls struct {
	open    prometheus.Gauge
	resumed prometheus.Counter

	mu     sync.Mutex
	byKey  map[Key][]*list.Element
	queue  list.List // of waiting; who has waited longest first
	timer  *time.Timer
	closed bool
}

// waiting is a stream that nobody carries.
type waiting struct {
	line  *line
	key   Key
	until time.Time
}

// New makes an empty one. With a nil registerer its metrics are counted and shown to
// nobody.
func New(r prometheus.Registerer) (*Polls, error) {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "bellhop", Name: name, Help: help}
	}
	p := &Polls{
		open: prometheus.NewGauge(prometheus.GaugeOpts(opts("polls_open",
			"Long polls that are open. They are among the open streams."))),
		resumed: prometheus.NewCounter(prometheus.CounterOpts(opts("polls_resumed_total",
			"Long polls that went on with the stream of the poll before, without a query to the log."))),
		byKey: make(map[Key][]*list.Element),
	}
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts("polls_waiting",
		"Streams that wait for their next long poll.")), p.waiting)
	if r == nil {
		return p, nil
	}
	return p, errors.Join(r.Register(p.open), r.Register(p.resumed), r.Register(waiting))
}

// Open begins a poll of at most wait with the stream that waits for this one, or with
// what open returns. left is called once when the poll is not open any more: before its
// client can know that.
func (p *Polls) Open(key Key, wait time.Duration, left func(), open func() (Stream, error)) (*Poll, error) {
	l := p.take(key)
	resumed := l != nil
	if resumed {
		p.resumed.Inc()
	} else {
		s, err := open()
		if err != nil {
			return nil, err
		}
		l = &line{stream: s}
	}
	p.open.Inc()
	return &Poll{line: l, polls: p, resumed: resumed, key: key, wait: wait, left: left}, nil
}

// take returns a stream that waits, or nil.
func (p *Polls) take(key Key) *line {
	p.mu.Lock()
	defer p.mu.Unlock()
	same := p.byKey[key]
	if key.At == "" || len(same) == 0 {
		return nil
	}
	return p.remove(same[len(same)-1]).line
}

// remove takes a stream out. p.mu is held.
func (p *Polls) remove(e *list.Element) *waiting {
	w := p.queue.Remove(e).(*waiting) //nolint:errcheck,forcetypeassert // the queue holds nothing else
	same := slices.DeleteFunc(p.byKey[w.key], func(other *list.Element) bool { return other == e })
	if len(same) == 0 {
		delete(p.byKey, w.key)
	} else {
		p.byKey[w.key] = same
	}
	return w
}

// keep has a stream wait. Without a cursor, or once the polls were closed, nobody could
// come for it.
func (p *Polls) keep(key Key, l *line) {
	p.mu.Lock()
	if p.closed || key.At == "" {
		p.mu.Unlock()
		l.stream.Close(conn.ReasonEnd)
		return
	}
	w := &waiting{l, key, time.Now().Add(Linger)}
	p.byKey[key] = append(p.byKey[key], p.queue.PushBack(w))
	var over *waiting
	if p.queue.Len() > most {
		over = p.remove(p.queue.Front())
	}
	if p.timer == nil {
		p.timer = time.AfterFunc(Linger, p.expire)
	}
	p.mu.Unlock()
	if over != nil {
		over.line.stream.Close(conn.ReasonEnd)
	}
}

// expire closes what has waited for long enough.
func (p *Polls) expire() {
	for _, w := range p.due(time.Now()) {
		w.line.stream.Close(conn.ReasonEnd)
	}
}

func (p *Polls) due(now time.Time) (due []*waiting) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = nil
	for e := p.queue.Front(); e != nil; e = p.queue.Front() {
		left := e.Value.(*waiting).until.Sub(now) //nolint:errcheck,forcetypeassert // see remove
		if left > 0 && !p.closed {
			p.timer = time.AfterFunc(max(left, Linger/30), p.expire)
			break
		}
		due = append(due, p.remove(e))
	}
	return due
}

// Close ends the streams that wait, and from now on none does. It may be called more
// than once.
func (p *Polls) Close() {
	p.mu.Lock()
	p.closed = true
	if p.timer != nil {
		p.timer.Stop()
	}
	p.mu.Unlock()
	p.expire()
}

// waiting is how many streams wait.
func (p *Polls) waiting() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return float64(p.queue.Len())
}
