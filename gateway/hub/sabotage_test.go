package hub

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/store"
)

// TestModelFindsBrokenHubs takes one safeguard away at a time. A check that does
// not notice would be worth nothing.
func TestModelFindsBrokenHubs(t *testing.T) {
	const never = 1000 * time.Hour
	for name, sabotage := range map[string]func(*Config){
		"holes stay": func(c *Config) { c.GapWait = never },
		"no tail":    func(c *Config) { c.Log = noTail{c.Log} },
		"one epoch": func(c *Config) {
			bus := c.Bus
			c.Log = oneEpoch{c.Log}
			c.Bus = func(h fanout.Handler) (fanout.Subscriber, error) { return bus(oneEpochBus{h}) }
		},
		"answers of queries under way": func(c *Config) { c.Log = &sharedAnswer{Log: c.Log, last: map[event.Channel]oldHead{}} },
		"lives of kept channels are one": func(c *Config) {
			bus := c.Bus
			c.Kept = oneLife{c.Kept}
			c.Bus = func(h fanout.Handler) (fanout.Subscriber, error) { return bus(oneLifeBus{h}) }
		},
		"a kept log's old connections are believed": func(c *Config) { c.Kept = oldConnections{c.Kept} },
		"nobody looks at kept channels":             func(c *Config) { c.Kept = newConnectionsFail{c.Kept} },
		"conflates where it must not": func(c *Config) {
			rules := c.Rules
			c.Rules = func(ns string) Rules {
				r := rules(ns)
				r.Conflate = r.Kept
				return r
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			const most = 60
			for seed := range most {
				found := false
				synctest.Test(t, func(t *testing.T) {
					m := newModel(t, uint64(1000+seed), sabotage)
					m.run(350)
					found = len(m.settle()) > 0
				})
				if found {
					t.Logf("noticed in run %d", seed+1)
					return
				}
			}
			t.Fatalf("%d runs, and nothing was noticed", most)
		})
	}
}

type noTail struct{ Log }

func (noTail) Tail(context.Context, store.Mark, func(store.Mark) bool) (store.Tail, error) {
	return store.Tail{}, errAway
}

// oneEpoch hides that the log began another life.
type oneEpoch struct{ Log }

func (l oneEpoch) Heads(ctx context.Context, ch []event.Channel, fresh bool) (store.Heads, error) {
	h, err := l.Log.Heads(ctx, ch, fresh)
	h.Epoch = "e1"
	return h, err
}

func (l oneEpoch) Ranges(ctx context.Context, ranges []store.Range) ([]store.Page, error) {
	for i := range ranges {
		ranges[i].Epoch = ""
	}
	pages, err := l.Log.Ranges(ctx, ranges)
	for i := range pages {
		pages[i].Epoch = "e1"
	}
	return pages, err
}

func (l oneEpoch) Tail(ctx context.Context, after store.Mark, seen func(store.Mark) bool) (store.Tail, error) {
	t, err := l.Log.Tail(ctx, after, seen)
	t.Epoch = "e1"
	return t, err
}

type oneEpochBus struct{ fanout.Handler }

func (b oneEpochBus) Message(m fanout.Message) {
	m.Epoch = "e1"
	b.Handler.Message(m)
}

// sharedAnswer gives joiners what a query said that began up to some seconds
// before they came.
type sharedAnswer struct {
	Log
	last map[event.Channel]oldHead
}

type oldHead struct {
	head store.Head
	at   time.Time
}

func (l *sharedAnswer) Heads(ctx context.Context, ch []event.Channel, fresh bool) (store.Heads, error) {
	h, err := l.Log.Heads(ctx, ch, fresh)
	if err != nil || h.Stale {
		return h, err
	}
	for i := range h.Heads {
		old, ok := l.last[ch[i]]
		if ok && time.Since(old.at) < 3*time.Second {
			h.Heads[i] = old.head
		} else {
			l.last[ch[i]] = oldHead{h.Heads[i], time.Now()}
		}
	}
	return h, nil
}

// oneLife hides that a kept channel began another life.
type oneLife struct{ Kept }

func (l oneLife) Heads(ctx context.Context, ch []event.Channel, fresh bool) ([]store.KeptHead, error) {
	heads, err := l.Kept.Heads(ctx, ch, fresh)
	for i := range heads {
		heads[i].Epoch = "k0"
	}
	return heads, err
}

func (l oneLife) Ranges(ctx context.Context, ranges []store.Range) ([]store.Page, error) {
	pages, err := l.Kept.Ranges(ctx, ranges)
	for i := range pages {
		pages[i].Epoch = "k0"
	}
	return pages, err
}

type oneLifeBus struct{ fanout.Handler }

func (b oneLifeBus) Message(m fanout.Message) {
	if modelRules(m.Channel.Namespace()).Kept {
		m.Epoch = "k0"
	}
	b.Handler.Message(m)
}

// oldConnections never opens a new connection.
type oldConnections struct{ Kept }

func (l oldConnections) Heads(ctx context.Context, ch []event.Channel, _ bool) ([]store.KeptHead, error) {
	return l.Kept.Heads(ctx, ch, false)
}

// newConnectionsFail answers joins, but none of those who look again.
type newConnectionsFail struct{ Kept }

func (l newConnectionsFail) Heads(ctx context.Context, ch []event.Channel, fresh bool) ([]store.KeptHead, error) {
	if fresh {
		return nil, errAway
	}
	return l.Kept.Heads(ctx, ch, false)
}
