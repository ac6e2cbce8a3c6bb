package hub

import (
	"flag"
	"fmt"
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
	"github.com/bellhop/bellhop/gateway/poll"
	"github.com/bellhop/bellhop/internal/testkit/invariant"
)

var modelSeeds = flag.Int("model.seeds", 100, "random runs of the hub against the model of the log")

// TestHubAgainstModel runs two gateways against the reference logs under random
// interleavings of appends, lost, late and reordered messages, connections of
// the bus made anew, slow acknowledgements, trims, deletions, changes of epoch
// that lose transactions, a lagging replica, an absent primary, a kept log that
// is emptied, replaced or away, gateways that are drained and replaced, streams
// that are ended for any reason, and clients that take little at a time, are cut
// off anywhere and come back to either gateway, by a stream or by long polls, past
// somebody who keeps responses back until they have ended or not. In the end everybody
// must have had exactly what the logs hold, but for what a conflated channel lets them skip, and
// a newcomer must get that and nothing that was deleted.
func TestHubAgainstModel(t *testing.T) {
	for seed := range *modelSeeds {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newModel(t, uint64(seed), func(*Config) {})
				m.run(350)
				require.Empty(t, m.settle())
				m.newcomers()
			})
		})
	}
}

type model struct {
	t        *testing.T
	log      *fakeLog
	kept     *fakeKept
	gates    [2]*gate
	set      func(*Config)
	carrier  func(*Stream) poll.Stream // what polls carry; nil: the stream
	rng      *rand.Rand
	ledger   *invariant.Ledger
	channels []event.Channel // of the database
	keptOnes []event.Channel
	people   []*person
	epochs   int
	trimmed  map[event.Channel]bool // so that a reset may say so
	erased   map[event.Channel]map[uint64]bool
	hidden   []invariant.Violation
	open     []tx        // begun, not committed
	calm     atomic.Bool // no more faults
}

func newModel(t *testing.T, seed uint64, sabotage func(*Config)) *model {
	t.Helper()
	m := &model{
		t: t, log: newFakeLog(), kept: newFakeKept(),
		rng:      rand.New(rand.NewPCG(seed, 1)), // repeatable on purpose
		ledger:   invariant.New(),
		channels: []event.Channel{"user:1", "user:2", "room:a", "ticker:a"},
		keptOnes: []event.Channel{raffle, topic},
		epochs:   1,
		trimmed:  map[event.Channel]bool{},
		erased:   map[event.Channel]map[uint64]bool{},
	}
	m.set = m.settings(sabotage)
	for i := range m.gates {
		m.gates[i] = m.newGate()
	}
	for i := range 6 {
		p := &person{name: fmt.Sprint("p", i), client: &client{ended: true}}
		for _, ch := range slices.Concat(m.channels, m.keptOnes) {
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
		m.replace()
		m.step()
		if m.chance(60) {
			<-time.After(time.Duration(m.rng.IntN(120)) * time.Millisecond)
		} else if m.chance(5) {
			<-time.After(time.Duration(m.rng.IntN(14_000)) * time.Millisecond)
		}
	}
}

func (m *model) step() {
	switch n := m.rng.IntN(146); {
	case n >= 106:
		m.keptStep(n - 106)
	case n < 35:
		m.announce(m.log.add(m.pick()))
	case n < 40:
		m.open = append(m.open, m.log.begin(m.pick()))
	case n < 45 && len(m.open) > 0:
		m.announce(m.open[0].commit())
		m.open = m.open[1:]
	case n < 70:
		p := m.anybody()
		if p.ended {
			m.connect(p)
		} else {
			m.readSome(p, m.chance(80))
		}
	case n < 78:
		if p := m.anybody(); !p.ended {
			m.readSome(p, false)
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
		m.slowBus(m.chance(50))
	case n < 93:
		m.log.set(func(l *fakeLog) { l.away = m.chance(40) })
	case n < 94:
		m.failOver()
	case n < 96:
		m.log.set(func(l *fakeLog) { l.tailOff = m.chance(30) })
	case n < 98:
		m.delayAnswers()
	case n < 103:
		m.endSome()
	case n < 104:
		m.drainSome()
	}
}

// announce publishes to each gateway with the faults of a bus: lost, late, or in
// order.
func (m *model) announce(msg fanout.Message) {
	for _, g := range m.gates {
		switch {
		case m.calm.Load() || m.chance(70):
			g.bus.send(msg)
		case m.chance(50):
			time.AfterFunc(time.Duration(m.rng.IntN(3000))*time.Millisecond, func() { g.bus.send(msg) })
		}
	}
}

// settle ends all faults, lets everybody come back and read all, and judges.
func (m *model) settle() []invariant.Violation {
	m.calm.Store(true)
	m.log.set(func(l *fakeLog) { l.away, l.tailOff, l.pooled, l.onHeads, l.onRange = false, false, nil, nil, nil })
	m.kept.set(func(k *fakeKept) { k.away, k.onHeads, k.onRange = false, nil, nil })
	m.slowBus(false)
	<-time.After(5 * time.Second) // late messages, slow acknowledgements, drains
	m.replace()
	for _, p := range m.people {
		if p.held && !p.poll && !p.ended {
			p.leave()
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
		for _, p := range m.people {
			if p.ended {
				m.connect(p)
			}
		}
		<-time.After(50 * time.Millisecond)
		for _, p := range m.people {
			m.readSome(p, true)
		}
	}
	for _, p := range m.people {
		p.leave()
	}
	for _, ch := range slices.Concat(m.channels, m.keptOnes) {
		m.contents(ch).record(m.ledger)
	}
	return append(m.hidden, m.ledger.Violations(true)...)
}
