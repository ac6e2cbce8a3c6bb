package hub

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/hub/track"
	"github.com/bellhop/bellhop/internal/testkit/invariant"
)

func (m *model) trimSome() {
	ch := m.pick()
	m.log.change(func(l *life) {
		c := l.channels[ch]
		if left := c.head() - c.floor; left > 0 {
			c.floor += m.rng.Uint64N(left + 1)
			c.version++
			l.channels[ch] = c
			m.trimmed[ch] = true
		}
	})
}

// eraseSome deletes an event of a channel that is not conflated: who skipped an
// event there for a newer one does not get it once that is deleted.
func (m *model) eraseSome() {
	ch := m.channels[m.rng.IntN(3)]
	var head uint64
	m.log.change(func(l *life) { head = l.channels[ch].head() })
	if head > 0 {
		seq := 1 + m.rng.Uint64N(head)
		if m.erased[ch] == nil {
			m.erased[ch] = map[uint64]bool{}
		}
		m.erased[ch][seq] = true
		m.announce(m.log.erase(ch, seq))
	}
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

// contents is what a log holds of a channel.
type contents struct {
	channel event.Channel
	epoch   event.Epoch
	floor   uint64
	events  []event.Event // above the floor; nil data is a tombstone
}

func (m *model) contents(ch event.Channel) contents {
	at := contents{channel: ch}
	if modelRules(ch.Namespace()).Kept {
		m.kept.set(func(k *fakeKept) {
			l := k.now[ch]
			at.epoch, at.floor, at.events = l.epoch, l.floor, l.events[min(l.floor, l.head()):]
		})
	} else {
		m.log.set(func(l *fakeLog) {
			c := l.primary.channels[ch]
			at.epoch, at.floor, at.events = l.primary.epoch, c.floor, c.events[c.floor:]
		})
	}
	return at
}

// due is what a client gets who asks for all that is there.
func (c contents) due() []event.Event {
	left := slices.DeleteFunc(slices.Clone(c.events), func(e event.Event) bool { return e.Data == nil })
	if modelRules(c.channel.Namespace()).Conflate {
		left = track.Newest(left)
	}
	return left
}

// record tells the ledger what the log holds in the end.
func (c contents) record(ledger *invariant.Ledger) {
	ids := map[uint64]string{}
	for i := range c.events {
		ids[c.events[i].Seq] = idOf(&c.events[i])
	}
	if !modelRules(c.channel.Namespace()).Conflate {
		ledger.Log(c.channel, c.epoch, c.floor, ids)
		return
	}
	var seqs []uint64
	for _, e := range c.due() {
		seqs = append(seqs, e.Seq)
	}
	ledger.LogConflated(c.channel, c.epoch, c.floor, ids, seqs...)
}

// idOf is what tells an event from all others; empty: it was deleted.
func idOf(e *event.Event) (id string) {
	if e.Data != nil && json.Unmarshal(e.Data, &id) != nil {
		return "?"
	}
	return id
}

// newcomers come after all, with nothing or for everything: they get what is there.
func (m *model) newcomers() {
	for _, ch := range slices.Concat(m.channels, m.keptOnes) {
		due := m.contents(ch).due()
		var want []string
		for i := range due {
			want = append(want, idOf(&due[i]))
		}
		for _, g := range m.gates {
			all, none := g.join("0", ch), g.join("", ch)
			require.Equal(m.t, want, ids(all.wait(time.Second)), "%s: all that is there", ch)
			got := ids(none.read())
			if r := g.hub.cfg.Rules(ch.Namespace()); r.JoinLatest {
				require.Equal(m.t, want, got, "%s: the newest", ch)
			} else {
				require.Empty(m.t, got, "%s: only what is new", ch)
			}
			all.close()
			none.close()
		}
	}
}

// ids are those of the events among some blocks.
func ids(blocks []block) (out []string) {
	for _, b := range blocks {
		var e struct{ Data string }
		if json.Unmarshal([]byte(b.data), &e) == nil && e.Data != "" {
			out = append(out, e.Data)
		}
	}
	return out
}
