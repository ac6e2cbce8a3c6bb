package hub

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/gateway/hub/track"
)

// rig is a hub on a fake log and a fake bus. It lives in a synctest bubble.
type rig struct {
	t   *testing.T
	log *fakeLog
	bus *fakeBus
	hub *Hub
	// rush: clients come at once. Otherwise each comes after a quiet while, so
	// that its questions are put without a pause.
	rush bool
	// resetToHead: clients do not ask for what is retained after a reset.
	resetToHead bool
}

func newRig(t *testing.T, set ...func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, log: newFakeLog(), bus: &fakeBus{subs: map[event.Channel]bool{}}}
	cfg := Config{
		Log: r.log,
		Bus: func(h fanout.Handler) (fanout.Subscriber, error) {
			r.bus.handler = h
			return r.bus, nil
		},
	}
	for _, f := range set {
		f(&cfg)
	}
	h, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.hub = h
	t.Cleanup(func() { _ = h.Close() })
	return r
}

// memory is what a channel keeps.
func memory(c *channel) track.Memory {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, _ := c.Memory()
	return m
}

// publish appends and announces.
func (r *rig) publish(ch event.Channel) { r.bus.send(r.log.add(ch)) }

// operation is one that is to be acknowledged.
type operation struct {
	sign    string
	channel event.Channel
	do      func()
}

// fakeBus delivers what the test says, when it says.
type fakeBus struct {
	mu      sync.Mutex
	handler fanout.Handler
	manual  bool // the test acknowledges
	slow    bool // acknowledgements take a while
	deaf    bool // the connection is being made anew
	owed    []operation
	asked   []string
	subs    map[event.Channel]bool
}

func (b *fakeBus) Subscribe(channels ...event.Channel) {
	for _, c := range channels {
		b.operate("+", c, func() {
			b.mu.Lock()
			b.subs[c] = true
			b.mu.Unlock()
			b.handler.Subscribed(c)
		})
	}
}

func (b *fakeBus) Unsubscribe(channels ...event.Channel) {
	for _, c := range channels {
		b.operate("-", c, func() {
			b.mu.Lock()
			delete(b.subs, c)
			b.mu.Unlock()
			b.handler.Unsubscribed(c)
		})
	}
}

// operate carries an operation out: at once, later, once the connection is back,
// or when the test says so.
func (b *fakeBus) operate(sign string, c event.Channel, do func()) {
	b.mu.Lock()
	b.asked = append(b.asked, sign+string(c))
	manual, slow, deaf := b.manual, b.slow, b.deaf
	if manual {
		if sign == "+" {
			b.subs[c] = true
		} else {
			delete(b.subs, c)
		}
	}
	if deaf {
		b.owed = slices.DeleteFunc(b.owed, func(o operation) bool { return o.channel == c })
		b.owed = append(b.owed, operation{sign, c, do})
	}
	b.mu.Unlock()
	switch {
	case deaf && sign == "-":
		time.AfterFunc(time.Second, b.tryAgain)
	case manual, deaf:
	case slow:
		time.AfterFunc(700*time.Millisecond, do)
	default:
		do()
	}
}

// tryAgain fails to bring the connection back: what is given up has ended, since
// nobody is there who could hold it.
func (b *fakeBus) tryAgain() {
	b.mu.Lock()
	var ended []operation
	b.owed = slices.DeleteFunc(b.owed, func(o operation) bool {
		if o.sign == "-" {
			ended = append(ended, o)
		}
		return o.sign == "-"
	})
	b.mu.Unlock()
	for _, o := range ended {
		o.do()
	}
}

// hearAgain brings the connection back: all subscriptions are acknowledged anew.
func (b *fakeBus) hearAgain() {
	b.mu.Lock()
	if !b.deaf {
		b.mu.Unlock()
		return
	}
	b.deaf = false
	owed := b.owed
	b.owed = nil
	held := slices.Collect(maps.Keys(b.subs))
	b.mu.Unlock()
	for _, c := range held {
		b.handler.Subscribed(c)
	}
	for _, o := range owed {
		o.do()
	}
	b.handler.Suspect(false)
}

func (b *fakeBus) Close() error { return nil }

// send delivers a message to the gateway if it is subscribed.
func (b *fakeBus) send(m fanout.Message) {
	b.mu.Lock()
	ok := b.subs[m.Channel] && !b.deaf
	b.mu.Unlock()
	if ok {
		b.handler.Message(m)
	}
}

func (b *fakeBus) operations() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.asked)
}
