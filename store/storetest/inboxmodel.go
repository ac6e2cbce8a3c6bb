package storetest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// mailbox is the reference model of an inbox: small enough to be right by
// inspection.
type mailbox struct {
	events []letter // by seq, from 1
	floor  uint64
}

type letter struct {
	key                     string
	read, replaced, deleted bool
	expired                 bool // its time is over, whether it was swept or not
}

func (m *mailbox) head() uint64 { return uint64(len(m.events)) }

func (m *mailbox) at(seq uint64) *letter {
	if seq <= m.floor || seq > m.head() {
		return nil
	}
	return &m.events[seq-1]
}

func (l *letter) listed() bool  { return l != nil && !l.deleted && !l.replaced && !l.expired }
func (l *letter) counted() bool { return !l.deleted && !l.replaced && !l.read }

func (m *mailbox) add(key string, expired bool) {
	if key != "" {
		for seq := m.head(); seq > m.floor; seq-- {
			if l := m.at(seq); l.key == key {
				// The last one of the key alone; it may be none to replace.
				if l.listed() && !l.read {
					l.replaced = true
				}
				break
			}
		}
	}
	m.events = append(m.events, letter{key: key, expired: expired})
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
		switch l := m.at(seq); {
		case !l.listed():
		case !l.read:
			out = append(out, fmt.Sprint(seq))
		case !unreadOnly:
			out = append(out, fmt.Sprintf("(%d)", seq))
		}
	}
	return strings.Join(out, " ")
}

// walkInbox lists everything, in pages of a random size.
func (h Harness) walkInbox(t *testing.T, rng *rand.Rand, c event.Channel, unreadOnly bool) string {
	t.Helper()
	var pages []string
	limit, before := 1+rng.IntN(12), uint64(0)
	for {
		p, err := h.DB.Inbox(t.Context(), c, before, limit, unreadOnly)
		require.NoError(t, err)
		require.LessOrEqual(t, len(p.Items), limit)
		for _, item := range p.Items {
			if item.Read {
				pages = append(pages, fmt.Sprintf("(%d)", item.Seq))
			} else {
				pages = append(pages, fmt.Sprint(item.Seq))
			}
		}
		if p.Next == 0 {
			return strings.Join(pages, " ")
		}
		require.True(t, before == 0 || p.Next < before)
		before = p.Next
	}
}

// randomSeqs are of events that are there, gone, and yet to come.
func randomSeqs(rng *rand.Rand, head uint64) []uint64 {
	s := make([]uint64, rng.IntN(6))
	for i := range s {
		s[i] = rng.Uint64N(head + 3)
	}
	return s
}

var modelTests = map[string]func(*testing.T, Harness){
	"an inbox is what the model says": func(t *testing.T, h Harness) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		rng := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // repeatable on purpose
		c, m := channels("model", 1)[0], new(mailbox)
		for step := range 150 {
			change, what := m.step(t, h, rng, c)
			state, err := change()
			require.NoError(t, err, what)
			if rng.IntN(4) == 0 && !strings.HasPrefix(what, "append") { // its answer was lost
				again, err := change()
				require.NoError(t, err)
				require.Nil(t, again.Note, "%s: repeating it changes nothing", what)
				state.Note = nil
			}
			head := h.head(t, c)
			require.Equal(t, m.unread(), head.Unread, "step %d, %s", step, what)
			if state.Note != nil {
				require.Equal(t, head.Version, state.Note.Version, what)
				require.Equal(t, head.Unread, state.Note.Unread, what)
			}
			if step%5 == 0 {
				require.Equal(t, m.list(false), h.walkInbox(t, rng, c, false), "step %d, %s", step, what)
				require.Equal(t, m.list(true), h.walkInbox(t, rng, c, true), "step %d, %s", step, what)
			}
		}
	},
	"counts stay exact whatever happens at the same time": func(t *testing.T, h Harness) {
		cs := channels("storm", 3)
		h.write(t, collapsing(`1`, "k0", cs...))
		var g errgroup.Group
		for worker := range 8 {
			g.Go(func() error {
				rng := rand.New(rand.NewPCG(rand.Uint64(), uint64(worker))) //nolint:gosec // no secret
				for range 25 {
					if err := h.disturb(t, rng, cs); err != nil {
						return err
					}
				}
				return nil
			})
		}
		require.NoError(t, g.Wait())
		for more := true; more; {
			var err error
			more, err = h.DB.Expire(t.Context())
			require.NoError(t, err)
		}
		for _, c := range cs {
			require.EqualValues(t, h.recount(t, c), h.head(t, c).Unread)
		}
		h.requireNotesAgree(t, cs)
	},
}

// step changes the model in a random way, and returns the call that does the same
// to the log.
func (m *mailbox) step(t *testing.T, h Harness, rng *rand.Rand, c event.Channel) (change func() (store.InboxState, error), what string) {
	ctx, seqs := t.Context(), randomSeqs(rng, m.head())
	none := func(err error) (store.InboxState, error) { return store.InboxState{}, err }
	switch n := rng.IntN(20); {
	case n < 8:
		entries := make([]store.Entry, 1+rng.IntN(5))
		for i := range entries {
			e := collapsing(`1`, []string{"", "k", "l", "m"}[rng.IntN(4)], c)
			if rng.IntN(8) == 0 {
				e.ExpiresAt = time.Now().Add(-time.Second)
			}
			m.add(e.CollapseKey, !e.ExpiresAt.IsZero())
			entries[i] = e
		}
		return func() (store.InboxState, error) {
			_, _, err := h.DB.Append(ctx, entries)
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

// disturb does something random to random channels.
func (h Harness) disturb(t *testing.T, rng *rand.Rand, cs []event.Channel) (err error) {
	ctx, c := t.Context(), cs[rng.IntN(len(cs))]
	seqs := randomSeqs(rng, 100)
	switch n := rng.IntN(20); {
	case n < 9:
		e := collapsing(`1`, []string{"", "k0", "k1"}[rng.IntN(3)], cs[rng.IntN(2):]...)
		if rng.IntN(6) == 0 {
			e.ExpiresAt = time.Now().Add(-time.Second)
		}
		_, _, err = h.DB.Append(ctx, []store.Entry{e, collapsing(`2`, "k1", c)})
	case n < 11:
		_, err = h.DB.MarkRead(ctx, c, rng.Uint64N(100))
	case n < 13:
		_, err = h.DB.MarkReadSeqs(ctx, c, seqs)
	case n < 15:
		_, err = h.DB.MarkUnreadSeqs(ctx, c, seqs)
	case n < 17:
		_, err = h.DB.Delete(ctx, c, rng.Uint64N(100))
	case n < 18:
		_, err = h.DB.Expire(ctx)
	case n < 19:
		err = walk(t, h, keepNewest(40+rng.IntN(40)))
	default:
		_, err = h.DB.Inbox(ctx, c, 0, 20, rng.IntN(2) == 0)
	}
	return err
}

// requireNotesAgree checks what the tail says: no two notes of a channel have one
// version, and the newest is no newer than the channel.
func (h Harness) requireNotesAgree(t *testing.T, cs []event.Channel) {
	t.Helper()
	seen := make(map[event.Channel]map[uint64]bool)
	for _, commit := range h.tail(t, 0, nothingSeen).Commits {
		for _, change := range commit.Changes {
			if change.Note == nil {
				continue
			}
			of := seen[change.Channel]
			if of == nil {
				of = make(map[uint64]bool)
				seen[change.Channel] = of
			}
			require.False(t, of[change.Note.Version], "two notes of one version")
			of[change.Note.Version] = true
			require.Equal(t, change.Head, change.Note.Head)
			require.LessOrEqual(t, change.Note.Unread, change.Note.Head)
		}
	}
	for _, c := range cs {
		require.NotEmpty(t, seen[c])
		version := h.head(t, c).Version
		for v := range seen[c] {
			require.LessOrEqual(t, v, version)
		}
	}
}
