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

// walkFiltered lists all that a query asks for, in pages of a random size.
func (h Harness) walkFiltered(t *testing.T, rng *rand.Rand, q store.InboxQuery) string {
	t.Helper()
	var pages []string
	limit, before := 1+rng.IntN(12), uint64(0)
	for {
		q.Before, q.Limit = before, limit
		p, err := h.DB.ListInbox(t.Context(), q)
		require.NoError(t, err)
		require.LessOrEqual(t, len(p.Items), limit)
		for _, item := range p.Items {
			pages = append(pages, shown(item.Seq, item.Read))
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
		rng := rand.New(rand.NewPCG(seed, 1)) // repeatable on purpose
		m := new(mailbox)
		for step := range 80 {
			change, what := m.step(t, h, rng, inbox)
			state, err := change()
			require.NoError(t, err, what)
			if rng.IntN(4) == 0 && !strings.HasPrefix(what, "append") { // its answer was lost
				again, err := change()
				require.NoError(t, err)
				require.Nil(t, again.Note, "%s: repeating it changes nothing", what)
				state.Note = nil
			}
			head := h.head(t, inbox)
			require.Equal(t, m.unread(), head.Unread, "step %d, %s", step, what)
			m.requireCounts(t, h.counts(t), fmt.Sprintf("step %d, %s", step, what))
			if state.Note != nil {
				require.Equal(t, head.Version, state.Note.Version, what)
				require.Equal(t, head.Unread, state.Note.Unread, what)
			}
			if step%8 == 7 {
				for _, unread := range []bool{false, true} {
					list := h.walkFiltered(t, rng, store.InboxQuery{Channel: inbox, Unread: unread})
					require.Equal(t, m.list(unread), list, "step %d, %s", step, what)
				}
				m.requireFiltered(t, h, rng, inbox)
			}
		}
	},
	"counts stay exact whatever happens at the same time": func(t *testing.T, h Harness) {
		cs := channels("storm", 3)
		h.write(t, collapsing(`1`, "k0", cs...))
		atOnce(t, 8, 25, func(rng *rand.Rand) error { return h.disturb(t, rng, cs) })
		stepwise(t, h.DB.Expire)
		for _, c := range cs {
			require.EqualValues(t, h.recount(t, c), h.head(t, c).Unread)
		}
		h.requireNotesAgree(t, cs)
	},
}

// atOnce has several workers do something so often, each at random.
func atOnce(t *testing.T, workers, times int, do func(*rand.Rand) error) {
	t.Helper()
	var g errgroup.Group
	for worker := range workers {
		g.Go(func() error {
			rng := rand.New(rand.NewPCG(rand.Uint64(), uint64(worker)))
			for range times {
				if err := do(rng); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
}

// disturb does something random to random channels.
func (h Harness) disturb(t *testing.T, rng *rand.Rand, cs []event.Channel) (err error) {
	ctx, c := t.Context(), cs[rng.IntN(len(cs))]
	switch n := rng.IntN(24); {
	case n < 4:
		e := collapsing(`1`, []string{"", "k0", "k1"}[rng.IntN(3)], cs[rng.IntN(2):]...)
		if rng.IntN(6) == 0 {
			e.ExpiresAt = time.Now().Add(-time.Second)
		}
		_, _, err = h.DB.Append(ctx, []store.Entry{e, collapsing(`2`, "k1", c)})
	case n < 6:
		_, err = h.DB.Delete(ctx, c, rng.Uint64N(100))
	case n < 7:
		_, err = h.DB.Expire(ctx)
	case n < 8:
		err = walk(t, h, keepNewest(40+rng.IntN(40)))
	case n < 9:
		_, err = h.DB.Inbox(ctx, c, 0, 20, rng.IntN(2) == 0)
	default:
		err = h.operate(t, rng, c, 100)
	}
	return err
}

// requireNotesAgree checks what the tail says: no two notes of a channel have one
// version, and the newest is no newer than the channel.
func (h Harness) requireNotesAgree(t *testing.T, cs []event.Channel) {
	t.Helper()
	seen := make(map[event.Channel]map[uint64]bool)
	for _, commit := range h.tail(t, store.Mark{}, nothingSeen).Commits {
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
