package hub

import (
	"encoding/json"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

// modelRules are those of the model's channels: one that is kept, one that is
// kept and conflated, and those of the database.
func modelRules(namespace string) Rules {
	switch namespace {
	case "raffle":
		return Rules{Kept: true, Conflate: true, JoinLatest: true, MaxRate: 10}
	case "topic":
		return Rules{Kept: true}
	}
	return Rules{}
}

func (m *model) pickKept() event.Channel { return m.keptOnes[m.rng.IntN(len(m.keptOnes))] }

// keptStep does something to the kept log, n of 40.
func (m *model) keptStep(n int) {
	switch {
	case n < 28:
		typ := []string{"often", "often", "often", "sometimes", "rare"}[m.rng.IntN(5)]
		m.announce(m.kept.add(m.pickKept(), typ))
	case n < 30:
		m.kept.evict(m.pickKept())
	case n < 31:
		m.kept.flush()
	case n < 32:
		behind := m.kept.copy()
		time.AfterFunc(time.Duration(m.rng.IntN(1000))*time.Millisecond, func() {
			if !m.calm.Load() {
				m.kept.failOver(behind)
			}
		})
	case n < 35:
		m.kept.set(func(k *fakeKept) { k.away, k.hangs = m.chance(40), m.chance(30) })
	case n < 37:
		m.trimKept()
	default:
		d := time.Duration(m.rng.IntN(800)) * time.Millisecond
		m.kept.set(func(k *fakeKept) {
			if k.onHeads == nil {
				k.onHeads = func() { <-time.After(d) }
				k.onRange = func() { <-time.After(d / 2) }
			} else {
				k.onHeads, k.onRange = nil, nil
			}
		})
	}
}

func (m *model) trimKept() {
	ch := m.pickKept()
	m.kept.set(func(k *fakeKept) {
		if l, ok := k.now[ch]; ok {
			l.floor += m.rng.Uint64N(l.head() - l.floor + 1)
			k.now[ch] = l
			m.excused[ch] = true
		}
	})
}

// excusable tells whether a reset has a cause. In a kept channel the life that the
// client was in must be over, so that it is told of each end once; trimmed is
// said only where something was, and never where clients may skip.
func (m *model) excusable(ch event.Channel, before event.Cursor, trimmed bool) bool {
	if !modelRules(ch.Namespace()).Kept {
		return m.excused[ch] || m.epochs > 1
	}
	if trimmed {
		return m.excused[ch] && !modelRules(ch.Namespace()).Conflate
	}
	was, had := before.Position(ch)
	if !had {
		return true // it was cut off before it heard where it stands
	}
	var now event.Epoch
	m.kept.set(func(k *fakeKept) { now = k.now[ch].epoch })
	return was.Epoch != "" && was.Epoch != now
}

// recordKept tells the ledger what the kept log holds in the end.
func (m *model) recordKept() {
	m.kept.set(func(k *fakeKept) {
		for _, ch := range m.keptOnes {
			l := k.now[ch]
			ids := map[uint64]string{}
			newest := map[string]uint64{}
			for _, e := range l.events[min(l.floor, l.head()):] {
				var id string
				require.NoError(m.t, json.Unmarshal(e.Data, &id))
				ids[e.Seq], newest[e.Type] = id, e.Seq
			}
			if !modelRules(ch.Namespace()).Conflate {
				m.ledger.Log(ch, l.epoch, l.floor, ids)
				continue
			}
			var seqs []uint64
			for _, seq := range newest {
				seqs = append(seqs, seq)
			}
			m.ledger.LogConflated(ch, l.epoch, l.floor, ids, seqs...)
		}
	})
}
