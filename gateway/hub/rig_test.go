package hub

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
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

// publish appends and announces.
func (r *rig) publish(ch event.Channel) { r.bus.send(r.log.add(ch)) }

// fakeBus delivers what the test says, when it says.
type fakeBus struct {
	mu      sync.Mutex
	handler fanout.Handler
	manual  bool // the test acknowledges
	slow    bool // acknowledgements take a while
	deaf    bool // the connection is being made anew
	owed    []func()
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
		b.owed = append(b.owed, do)
	}
	b.mu.Unlock()
	switch {
	case manual, deaf:
	case slow:
		time.AfterFunc(700*time.Millisecond, do)
	default:
		do()
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
	for _, do := range owed {
		do()
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
