package hub

import (
	"context"
	"log/slog"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway/poll"
)

// modelRules are those of the model's channels: one of the database that is
// conflated, one that is kept, one that is both, and the rest.
func modelRules(namespace string) Rules {
	switch namespace {
	case "raffle":
		return Rules{Kept: true, Conflate: true, JoinLatest: true, MaxRate: 10}
	case "ticker":
		return Rules{Conflate: true}
	case "topic":
		return Rules{Kept: true}
	}
	return Rules{}
}

// settings draws what is the same for all gateways of a run.
func (m *model) settings(sabotage func(*Config)) func(*Config) {
	frames := []int{2, 4, 4, 64}[m.rng.IntN(4)]
	age := []time.Duration{500 * time.Millisecond, 3 * time.Second}[m.rng.IntN(2)]
	linger := []time.Duration{200 * time.Millisecond, 10 * time.Second}[m.rng.IntN(2)]
	rate := []int{1, 10, 10, 0}[m.rng.IntN(4)]
	latest := m.chance(50)
	return func(c *Config) {
		c.Log, c.Kept = m.log, m.kept
		c.RingFrames, c.RingAge, c.Idle = frames, age, linger
		c.Rules = func(namespace string) Rules {
			r := modelRules(namespace)
			if r.Conflate {
				r.MaxRate, r.JoinLatest = rate, latest || r.JoinLatest
			}
			return r
		}
		sabotage(c)
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

// gate is one gateway of the model.
type gate struct {
	*keptRig
	polls   *poll.Polls
	drained chan struct{} // nil: it is not going away; closed: it may go
}

func (m *model) newGate() *gate {
	g := &gate{keptRig: newKeptRig(m.t, Rules{}, m.set)}
	var err error
	g.polls, err = poll.New(nil)
	require.NoError(m.t, err)
	m.t.Cleanup(g.polls.Close)
	return g
}

// drainSome has a gateway go away, unless one does already.
func (m *model) drainSome() {
	for _, g := range m.gates {
		if g.drained != nil {
			return
		}
	}
	g := m.gates[m.rng.IntN(len(m.gates))]
	g.drained = make(chan struct{})
	window := time.Duration(m.rng.IntN(3000)) * time.Millisecond
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
		defer cancel()
		g.polls.Close()
		g.hub.Drain(ctx, window)
		close(g.drained)
	}()
}

// replace puts a new gateway in the place of one that was drained. Who did not
// take its last words is cut off.
func (m *model) replace() {
	for i, g := range m.gates {
		select {
		case <-g.drained:
		default:
			continue
		}
		for _, p := range m.people {
			if p.at == g && !p.ended {
				p.leave()
			}
		}
		require.Zero(m.t, g.hub.Streams())
		require.NoError(m.t, g.hub.Close())
		m.gates[i] = m.newGate()
	}
}

// reconnectBus drops the subscription of a gateway for a moment: what is published
// meanwhile is lost, and every channel is acknowledged anew.
func (m *model) reconnectBus() {
	bus := m.gates[m.rng.IntN(len(m.gates))].bus
	bus.handler.Suspect(true)
	bus.mu.Lock()
	bus.deaf = true
	bus.mu.Unlock()
	time.AfterFunc(time.Duration(m.rng.IntN(2000))*time.Millisecond, bus.hearAgain)
}

func (m *model) slowBus(yes bool) {
	for _, g := range m.gates {
		g.bus.mu.Lock()
		g.bus.slow = yes
		g.bus.mu.Unlock()
	}
}
