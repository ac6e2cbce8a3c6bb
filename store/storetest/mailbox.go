package storetest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// mailbox is the reference model of an inbox: small enough to be right by
// inspection.
type mailbox struct {
	events []letter // by seq, from 1
	floor  uint64
	seen   uint64
	muted  event.Muted
}

type letter struct {
	key, kind               string
	read, replaced, deleted bool
	archived                bool
	expired                 bool // its time is over, whether it was swept or not
}

func (m *mailbox) head() uint64 { return uint64(len(m.events)) }

func (m *mailbox) at(seq uint64) *letter {
	if seq <= m.floor || seq > m.head() {
		return nil
	}
	return &m.events[seq-1]
}

func (l *letter) listed() bool {
	return l != nil && !l.deleted && !l.replaced && !l.archived && !l.expired
}
func (l *letter) counted() bool { return !l.deleted && !l.replaced && !l.read }

func (m *mailbox) add(kind, key string, expired, renew bool) {
	if key != "" {
		for seq := m.head(); seq > m.floor; seq-- {
			if l := m.at(seq); l.key == key {
				// The last one of the key alone; it may be none to replace.
				if l.listed() && (renew || !l.read) {
					l.replaced = true
				}
				break
			}
		}
	}
	m.events = append(m.events, letter{key: key, kind: kind, expired: expired})
}

func (m *mailbox) each(do func(*letter)) (unread uint64) {
	for seq := m.floor + 1; seq <= m.head(); seq++ {
		l := m.at(seq)
		do(l)
		if l.counted() {
			unread++
		}
	}
	return unread
}

func (m *mailbox) unread() uint64 { return m.each(func(*letter) {}) }

// list is what Harness.list renders of everything.
func (m *mailbox) list(unreadOnly bool) string {
	var out []string
	for seq := m.head(); seq > m.floor; seq-- {
		if l := m.at(seq); l.listed() && (!l.read || !unreadOnly) {
			out = append(out, shown(seq, l.read))
		}
	}
	return strings.Join(out, " ")
}

// step changes the model in a random way, and returns the call that does the same
// to the log.
func (m *mailbox) step(t *testing.T, h Harness, rng *rand.Rand, c event.Channel) (change func() (store.InboxState, error), what string) {
	ctx, seqs := t.Context(), randomSeqs(rng, m.head())
	none := func(err error) (store.InboxState, error) { return store.InboxState{}, err }
	switch n := rng.IntN(25); {
	case n >= 20:
		return m.tidy(t, h, rng, c)
	case n < 8:
		entries := make([]store.Entry, 1+rng.IntN(5))
		want := make([]uint64, len(entries)) // 0: muted
		for i := range entries {
			e := collapsing(`1`, []string{"", "k", "l", "m"}[rng.IntN(4)], c)
			if rng.IntN(8) == 0 {
				e.ExpiresAt = time.Now().Add(-time.Second)
			}
			e.Type, e.Renew, e.Critical = kinds[rng.IntN(len(kinds))], rng.IntN(3) == 0, rng.IntN(4) == 0
			if e.Critical || !m.muted.Has(e.Type) {
				m.add(e.Type, e.CollapseKey, !e.ExpiresAt.IsZero(), e.Renew)
				want[i] = m.head()
			}
			entries[i] = e
		}
		return func() (store.InboxState, error) {
			_, results, err := h.DB.Append(ctx, entries)
			for i, r := range results {
				require.Equal(t, want[i:i+1], r.Seqs)
			}
			return none(err)
		}, "append"
	case n < 10:
		upTo := rng.Uint64N(m.head() + 3)
		for seq := m.floor + 1; seq <= min(upTo, m.head()); seq++ {
			m.at(seq).read = true
		}
		return func() (store.InboxState, error) { return h.DB.MarkRead(ctx, c, upTo) }, fmt.Sprint("read up to ", upTo)
	case n < 13:
		for _, seq := range seqs {
			if l := m.at(seq); l != nil {
				l.read = true
			}
		}
		return func() (store.InboxState, error) { return h.DB.MarkReadSeqs(ctx, c, seqs) }, fmt.Sprint("read ", seqs)
	case n < 16:
		for _, seq := range seqs {
			if l := m.at(seq); l.listed() {
				l.read = false
			}
		}
		return func() (store.InboxState, error) { return h.DB.MarkUnreadSeqs(ctx, c, seqs) }, fmt.Sprint("unread ", seqs)
	case n < 18:
		seq := rng.Uint64N(m.head() + 3)
		if l := m.at(seq); l != nil {
			l.deleted = true
		}
		return func() (store.InboxState, error) { return h.DB.Delete(ctx, c, seq) }, fmt.Sprint("delete ", seq)
	case n < 19:
		m.each(func(l *letter) {
			if l.expired {
				l.deleted = true
			}
		})
		return func() (store.InboxState, error) {
			_, err := h.DB.Expire(ctx)
			return none(err)
		}, "expire"
	default:
		keep := 10 + rng.Uint64N(60)
		if m.head() > keep {
			m.floor = max(m.floor, m.head()-keep)
		}
		return func() (store.InboxState, error) { return none(walk(t, h, keepNewest(int(keep)))) }, fmt.Sprint("keep ", keep)
	}
}
