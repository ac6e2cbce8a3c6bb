package hub

import (
	"time"

	"github.com/bellhop/bellhop/event"
)

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
			m.trimmed[ch] = true
		}
	})
}
