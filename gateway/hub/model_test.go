package hub

import (
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/internal/invariant"
)

var modelSeeds = flag.Int("model.seeds", 150, "random runs of the hub against the model of the log")

// TestHubAgainstModel runs the hub against the reference logs under random
// interleavings of appends, lost, late and reordered messages, connections of
// the bus made anew, slow acknowledgements, trims, deletions, changes of epoch
// that lose transactions, a lagging replica, an absent primary, a kept log that
// is emptied, replaced or away, and clients that are cut off anywhere and come
// back. In the end everybody must have had exactly what the logs hold, but for
// what a conflated channel lets them skip.
func TestHubAgainstModel(t *testing.T) {
	for seed := range *modelSeeds {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newModel(t, uint64(seed), func(*Config) {})
				m.run(350)
				require.Empty(t, m.settle())
			})
		})
	}
}

type model struct {
	*keptRig
	rng      *rand.Rand
	ledger   *invariant.Ledger
	channels []event.Channel // of the database
	keptOnes []event.Channel
	people   []*person
	epochs   int
	excused  map[event.Channel]bool // a reset has a cause
	open     []tx                   // begun, not committed
	calm     atomic.Bool            // no more faults
}

// person is a client with a memory: it comes back with the id that it has.
type person struct {
	name string
	on   []event.Channel
	*client
}

func newModel(t *testing.T, seed uint64, sabotage func(*Config)) *model {
	t.Helper()
	m := &model{
		keptRig: newKeptRig(t, Rules{}, func(c *Config) {
			c.RingFrames = 4
			c.RingAge = 3 * time.Second
			c.Rules = modelRules
			sabotage(c)
			c.Logger = slog.New(slog.DiscardHandler)
		}),
		rng:      rand.New(rand.NewPCG(seed, 1)), // repeatable on purpose
		ledger:   invariant.New(),
		channels: []event.Channel{"user:1", "user:2", "room:a"},
		keptOnes: []event.Channel{raffle, topic},
		epochs:   1,
		excused:  map[event.Channel]bool{},
	}
	for i := range 6 {
		p := &person{name: fmt.Sprint("p", i), client: &client{ended: true}}
		for _, ch := range append(slices.Clone(m.channels), m.keptOnes...) {
			if len(p.on) == 0 || m.rng.IntN(2) == 0 {
				p.on = append(p.on, ch)
			}
		}
		m.people = append(m.people, p)
	}
	return m
}

func (m *model) chance(percent int) bool { return m.rng.IntN(100) < percent }

func (m *model) pick() event.Channel { return m.channels[m.rng.IntN(len(m.channels))] }

func (m *model) run(steps int) {
	for range steps {
		m.step()
		if m.chance(60) {
			<-time.After(time.Duration(m.rng.IntN(120)) * time.Millisecond)
		} else if m.chance(5) {
			<-time.After(time.Duration(m.rng.IntN(14_000)) * time.Millisecond)
		}
	}
}

func (m *model) step() {
	switch n := m.rng.IntN(140); {
	case n >= 100:
		m.keptStep(n - 100)
	case n < 35:
		m.announce(m.log.add(m.pick()))
	case n < 40:
		m.open = append(m.open, m.log.begin(m.pick()))
	case n < 45 && len(m.open) > 0:
		m.announce(m.open[0].commit())
		m.open = m.open[1:]
	case n < 70:
		p := m.people[m.rng.IntN(len(m.people))]
		if p.ended {
			m.connect(p)
		} else {
			m.readSome(p, m.chance(80))
		}
	case n < 78:
		p := m.people[m.rng.IntN(len(m.people))]
		if !p.ended {
			m.readSome(p, false)
			p.leave()
		}
	case n < 82:
		m.log.sync()
	case n < 84:
		m.trimSome()
	case n < 86:
		m.eraseSome()
	case n < 89:
		m.reconnectBus()
	case n < 91:
		m.bus.mu.Lock()
		m.bus.slow = m.chance(50)
		m.bus.mu.Unlock()
	case n < 93:
		m.log.set(func(l *fakeLog) { l.away = m.chance(40) })
	case n < 94:
		m.failOver()
	case n < 96:
		m.log.set(func(l *fakeLog) { l.tailOff = m.chance(30) })
	case n < 98:
		m.delayAnswers()
	}
}

// announce publishes with the faults of a bus: lost, late, or in order.
func (m *model) announce(msg fanout.Message) {
	switch {
	case m.calm.Load() || m.chance(70):
		m.bus.send(msg)
	case m.chance(50):
		time.AfterFunc(time.Duration(m.rng.IntN(3000))*time.Millisecond, func() { m.bus.send(msg) })
	}
}

func (m *model) connect(p *person) {
	id := ""
	if p.client != nil {
		id = p.id
	}
	cur, err := event.ParseCursor(id)
	s, err2 := m.hub.Open(Request{Channels: p.on, Cursor: cur, BadCursor: err != nil, Retry: time.Second})
	require.NoError(m.t, err2)
	p.client = &client{t: m.t, stream: s, id: id}
	c := p.client
	s.Start(conn.WakeFunc(func() { c.woken.Store(true) }), 0)
}

func (p *person) leave() {
	p.stream.Close("")
	p.ended = true
}

// readSome reads what there is; if not all, the connection breaks somewhere in
// it and the client never sees the rest.
func (m *model) readSome(p *person, all bool) {
	before := p.id
	blocks := p.pull()
	if !all && len(blocks) > 0 {
		blocks = blocks[:m.rng.IntN(len(blocks)+1)]
		p.leave()
	}
	p.id = before
	for _, b := range blocks {
		m.take(p, b)
	}
}

func (m *model) take(p *person, b block) {
	before, err := event.ParseCursor(p.id)
	require.NoError(m.t, err)
	if b.id != "" {
		p.id = b.id
	}
	cur, err := event.ParseCursor(p.id)
	require.NoError(m.t, err)
	var d struct {
		Channel event.Channel
		Data    string
		From    *uint64
	}
	switch b.event {
	case "bellhop.ready":
		for _, ch := range p.on {
			at, ok := cur.Position(ch)
			require.True(m.t, ok)
			m.ledger.Begin(p.name, ch, at)
		}
	case "bellhop.reset":
		require.NoError(m.t, json.Unmarshal([]byte(b.data), &d))
		at, _ := cur.Position(d.Channel)
		m.ledger.Reset(p.name, d.Channel, at, m.excusable(d.Channel, before, d.From != nil))
	default:
		require.NoError(m.t, json.Unmarshal([]byte(b.data), &d))
		at, _ := cur.Position(d.Channel)
		m.ledger.Got(p.name, d.Channel, at, d.Data)
	}
}

func (m *model) trimSome() {
	ch := m.pick()
	m.log.change(func(l *life) {
		c := l.channels[ch]
		if left := c.head() - c.floor; left > 0 {
			c.floor += m.rng.Uint64N(left + 1)
			c.version++
			l.channels[ch] = c
			m.excused[ch] = true
		}
	})
}

func (m *model) eraseSome() {
	ch := m.pick()
	var head uint64
	m.log.change(func(l *life) { head = l.channels[ch].head() })
	if head > 0 {
		m.announce(m.log.erase(ch, 1+m.rng.Uint64N(head)))
	}
}

// reconnectBus drops the subscription for a moment: what is published meanwhile
// is lost, and every channel is acknowledged anew.
func (m *model) reconnectBus() {
	m.bus.handler.Suspect(true)
	m.bus.mu.Lock()
	m.bus.deaf = true
	m.bus.mu.Unlock()
	time.AfterFunc(time.Duration(m.rng.IntN(2000))*time.Millisecond, m.bus.hearAgain)
}

// failOver promotes the primary as it is, or the replica, which may lack some
// transactions. Pooled connections go on reaching the old primary for a while.
func (m *model) failOver() {
	m.epochs++
	m.open = nil // transactions of the old primary died with it
	var from *life
	m.log.set(func(l *fakeLog) {
		from = l.replica
		if m.chance(30) {
			from = l.primary
		}
	})
	m.log.failOver(from, event.Epoch(fmt.Sprint("e", m.epochs)))
	time.AfterFunc(5*time.Second, func() { m.log.set(func(l *fakeLog) { l.pooled = nil }) })
}

func (m *model) delayAnswers() {
	d := time.Duration(m.rng.IntN(1500)) * time.Millisecond
	m.log.set(func(l *fakeLog) {
		if l.onHeads == nil {
			l.onHeads = func([]event.Channel) { <-time.After(d) }
			l.onRange = func() { <-time.After(d / 2) }
		} else {
			l.onHeads, l.onRange = nil, nil
		}
	})
}

// settle ends all faults, lets everybody come back and read all, and judges.
func (m *model) settle() []invariant.Violation {
	m.calm.Store(true)
	m.log.set(func(l *fakeLog) { l.away, l.tailOff, l.pooled, l.onHeads, l.onRange = false, false, nil, nil, nil })
	m.kept.set(func(k *fakeKept) { k.away, k.onHeads, k.onRange = false, nil, nil })
	m.bus.mu.Lock()
	m.bus.slow = false
	m.bus.mu.Unlock()
	<-time.After(5 * time.Second) // late messages, slow acknowledgements
	for _, p := range m.people {
		if p.ended {
			m.connect(p)
		}
	}
	for i := range 400 {
		if i == 200 { // everybody is live, and the last message of each channel is lost
			for _, ch := range m.channels {
				m.log.add(ch)
			}
			for _, ch := range m.keptOnes {
				m.kept.add(ch, "last")
			}
		}
		<-time.After(50 * time.Millisecond)
		for _, p := range m.people {
			m.readSome(p, true)
			if p.ended {
				m.connect(p)
			}
		}
	}
	for _, p := range m.people {
		p.leave()
	}
	m.log.set(func(l *fakeLog) {
		for _, ch := range m.channels {
			c := l.primary.channels[ch]
			ids := map[uint64]string{}
			for _, e := range c.events[c.floor:] {
				var id string
				if e.Data != nil {
					require.NoError(m.t, json.Unmarshal(e.Data, &id))
				}
				ids[e.Seq] = id
			}
			m.ledger.Log(ch, l.primary.epoch, c.floor, ids)
		}
	})
	m.recordKept()
	return m.ledger.Violations(true)
}
