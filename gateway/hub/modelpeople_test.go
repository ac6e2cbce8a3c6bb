package hub

import (
	"encoding/json"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/internal/testkit/invariant"
)

// person is a client with a memory: it comes back with the id that it has, each time
// by whichever way.
type person struct {
	name string
	on   []event.Channel
	at   *gate
	way
	kept []block // by whoever keeps the response back
	*client
}

func (m *model) anybody() *person { return m.people[m.rng.IntN(len(m.people))] }

// connect opens a stream at a gateway that does not refuse it.
func (m *model) connect(p *person) {
	cur, err := event.ParseCursor(p.id)
	require.NoError(m.t, err)
	p.way = m.way()
	first := m.rng.IntN(len(m.gates))
	for i := range m.gates {
		g := m.gates[(first+i)%len(m.gates)]
		s, err := m.carry(g, p, Request{Channels: p.on, Cursor: cur, ReplayReset: true})
		if err == nil {
			p.at, p.client, p.kept = g, &client{t: m.t, source: s, id: p.id}, nil
			c := p.client
			s.Start(conn.WakeFunc(func() { c.woken.Store(true) }), 0)
			return
		}
		require.ErrorIs(m.t, err, ErrDraining)
		require.NotNil(m.t, g.drained)
	}
	m.t.Fatal("both gateways are going away")
}

func (p *person) leave() {
	p.source.Close("")
	p.ended = true
}

// readSome reads what there is, or what the socket has room for; if not all, the
// connection breaks somewhere in it and the client never sees the rest.
func (m *model) readSome(p *person, all bool) {
	before := p.id
	var blocks []block
	if m.calm.Load() || m.chance(60) {
		blocks = p.pull()
	} else {
		blocks = p.sip(1 + m.rng.IntN(600))
	}
	if p.held {
		p.kept = append(p.kept, blocks...)
		if blocks = nil; p.ended && (m.calm.Load() || m.chance(60)) {
			blocks = p.kept
		}
	}
	if !all {
		if len(blocks) > 0 {
			blocks = blocks[:m.rng.IntN(len(blocks)+1)]
		}
		p.leave()
	}
	if p.ended {
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
			if was, had := before.Position(ch); had {
				m.seen(p, ch, was, event.Position{Epoch: at.Epoch, Seq: at.Seq + 1})
			}
			m.ledger.Begin(p.name, ch, at)
		}
	case "bellhop.reset":
		require.NoError(m.t, json.Unmarshal([]byte(b.data), &d))
		was, had := before.Position(d.Channel)
		at, _ := cur.Position(d.Channel)
		m.ledger.Reset(p.name, d.Channel, at, !had || m.excusable(d.Channel, was, at, d.From != nil))
	case "bellhop.drain", "bellhop.expired", "bellhop.refused":
		require.True(m.t, p.ended, "they are last words")
	default:
		require.NoError(m.t, json.Unmarshal([]byte(b.data), &d))
		was, _ := before.Position(d.Channel)
		at, _ := cur.Position(d.Channel)
		m.seen(p, d.Channel, was, at)
		m.ledger.Got(p.name, d.Channel, at, d.Data)
	}
}

// seen looks for what was passed over in silence: only deleted events may be.
func (m *model) seen(p *person, ch event.Channel, was, at event.Position) {
	if was.Epoch != at.Epoch || modelRules(ch.Namespace()).Conflate {
		return
	}
	for seq := was.Seq + 1; seq < at.Seq; seq++ {
		if !m.erased[ch][seq] {
			m.hidden = append(m.hidden, invariant.Violation{
				Kind: invariant.Lost, Client: p.name, Channel: ch, At: event.Position{Epoch: at.Epoch, Seq: seq}, Detail: "passed over in silence",
			})
		}
	}
}

// excusable tells whether a reset of a client that had a position has a cause. The
// life that the client was in must be over, so that it is told of each end once;
// trimmed is said only where something was, and never where clients may skip.
func (m *model) excusable(ch event.Channel, was, at event.Position, trimmed bool) bool {
	if trimmed {
		return m.trimmed[ch] && !modelRules(ch.Namespace()).Conflate
	}
	return was.Epoch != "" && was.Epoch != at.Epoch && was.Epoch != m.contents(ch).epoch
}

// endSome ends somebody's stream for a reason of its own, whatever it is doing.
func (m *model) endSome() {
	p := m.anybody()
	if p.ended {
		return
	}
	switch m.rng.IntN(5) {
	case 0:
		m.tellSome(p.at, departure)
	case 1:
		m.tellSome(p.at, expired)
	case 2:
		m.tellSome(p.at, refusal)
	case 3:
		p.source.End(conn.ReasonAge)
	default:
		p.source.End(conn.ReasonExpired)
	}
}
