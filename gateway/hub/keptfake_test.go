package hub

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/store"
)

// keptLife is one channel of the fake kept log.
type keptLife struct {
	epoch  event.Epoch
	floor  uint64
	events []event.Event // contiguous from 1
}

func (l keptLife) head() uint64 { return uint64(len(l.events)) }

// fakeKept is a log whose channels each have an epoch. A test may replace the
// server: then connections opened before still reach the old one.
type fakeKept struct {
	mu      sync.Mutex
	now     map[event.Channel]keptLife
	pooled  map[event.Channel]keptLife // what old connections reach; nil: now
	away    bool
	hangs   bool // ... and lets questions wait
	lives   int
	written int
	heads   int // queries
	ranges  int
	onHeads func()
	onRange func()
}

func newFakeKept() *fakeKept { return &fakeKept{now: map[event.Channel]keptLife{}} }

func (k *fakeKept) server() map[event.Channel]keptLife {
	if k.pooled != nil {
		return k.pooled
	}
	return k.now
}

func (k *fakeKept) Heads(ctx context.Context, names []event.Channel, fresh bool) ([]store.KeptHead, error) {
	k.mu.Lock()
	k.heads++
	if fresh {
		k.pooled = nil
	}
	if k.away {
		hangs := k.hangs
		k.mu.Unlock()
		if hangs {
			<-ctx.Done()
		}
		return nil, fmt.Errorf("%w: fake", store.ErrUnavailable)
	}
	out := make([]store.KeptHead, len(names))
	for i, n := range names {
		l := k.server()[n]
		out[i] = store.KeptHead{Epoch: l.epoch, Head: store.Head{Channel: n, Seq: l.head(), Floor: l.floor}}
	}
	hook := k.onHeads
	k.mu.Unlock()
	if hook != nil {
		hook()
	}
	return out, nil
}

func (k *fakeKept) Ranges(_ context.Context, ranges []store.Range) ([]store.Page, error) {
	k.mu.Lock()
	k.ranges++
	if k.away {
		k.mu.Unlock()
		return nil, fmt.Errorf("%w: fake", store.ErrUnavailable)
	}
	out := make([]store.Page, len(ranges))
	for i, r := range ranges {
		l := k.server()[r.Channel]
		p := store.Page{
			Head:  store.Head{Channel: r.Channel, Seq: l.head(), Floor: l.floor},
			Epoch: l.epoch, Last: max(r.After, l.head()),
		}
		first := min(max(r.After, l.floor), l.head())
		p.Events = slices.DeleteFunc(slices.Clone(l.events[first:]), func(e event.Event) bool { return e.Data == nil })
		if len(p.Events) > r.Limit {
			p.Events = p.Events[:r.Limit]
			p.Last = p.Events[r.Limit-1].Seq
		}
		out[i] = p
	}
	hook := k.onRange
	k.mu.Unlock()
	if hook != nil {
		hook()
	}
	return out, nil
}

// set changes how the log behaves.
func (k *fakeKept) set(f func(*fakeKept)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f(k)
}

// queries counts what the log was asked.
func (k *fakeKept) queries() (heads, ranges int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.heads, k.ranges
}

func (k *fakeKept) newLife() event.Epoch {
	k.lives++
	return event.Epoch(fmt.Sprint("k", k.lives))
}

// add appends an event, and returns the message that announces it.
func (k *fakeKept) add(ch event.Channel, typ string) fanout.Message {
	k.mu.Lock()
	defer k.mu.Unlock()
	l, ok := k.now[ch]
	if !ok {
		l = keptLife{epoch: k.newLife()}
	}
	k.written++
	e := event.Event{Channel: ch, Seq: l.head() + 1, Type: typ, Time: time.Now(), Data: fmt.Appendf(nil, `"k%d"`, k.written)}
	l.events = append(slices.Clone(l.events), e)
	k.now[ch] = l
	return fanout.Message{Channel: ch, Epoch: l.epoch, Seq: e.Seq, Frame: event.NewFrame(&e)}
}

// trim moves the floor of a channel.
func (k *fakeKept) trim(ch event.Channel, floor uint64) {
	k.set(func(k *fakeKept) {
		l := k.now[ch]
		l.floor = floor
		k.now[ch] = l
	})
}

// hide lets an event expire.
func (k *fakeKept) hide(ch event.Channel, seq uint64) {
	k.set(func(k *fakeKept) {
		l := k.now[ch]
		l.events = slices.Clone(l.events)
		l.events[seq-1].Data = nil
		k.now[ch] = l
	})
}

// flush empties the server.
func (k *fakeKept) flush() { k.set(func(k *fakeKept) { k.now = map[event.Channel]keptLife{} }) }

// evict takes one channel away.
func (k *fakeKept) evict(ch event.Channel) { k.set(func(k *fakeKept) { delete(k.now, ch) }) }

// copy is what a replica has that stops replicating here.
func (k *fakeKept) copy() map[event.Channel]keptLife {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.now)
}

// failOver promotes a replica: all of its channels begin a new life. Connections
// that are open still reach the old server.
func (k *fakeKept) failOver(replica map[event.Channel]keptLife) {
	k.set(func(k *fakeKept) {
		k.pooled = k.now
		k.now = make(map[event.Channel]keptLife, len(replica))
		for _, ch := range slices.Sorted(maps.Keys(replica)) {
			l := replica[ch]
			l.epoch = k.newLife()
			k.now[ch] = l
		}
	})
}

// keptRig is a rig with a kept log, for the namespaces raffle and topic.
type keptRig struct {
	*rig
	kept *fakeKept
}

func newKeptRig(t *testing.T, rules Rules, set ...func(*Config)) *keptRig {
	t.Helper()
	r := &keptRig{kept: newFakeKept()}
	rules.Kept = true
	r.rig = newRig(t, append([]func(*Config){func(c *Config) {
		c.Kept = r.kept
		c.Rules = func(namespace string) Rules {
			if namespace == "raffle" || namespace == "topic" {
				return rules
			}
			return Rules{}
		}
	}}, set...)...)
	return r
}

// say appends an event of a type and announces it.
func (r *keptRig) say(ch event.Channel, typ string) { r.bus.send(r.kept.add(ch, typ)) }
