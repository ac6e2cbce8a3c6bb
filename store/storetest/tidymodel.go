package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// kinds are the types of the model's events.
var kinds = []string{"comment", "like", "reply"}

// tidy does one of the things that people tidy their inboxes with, to the model, and
// returns the call that does the same to the log.
func (m *mailbox) tidy(t *testing.T, h Harness, rng *rand.Rand, c event.Channel) (change func() (store.InboxState, error), what string) {
	ctx, seqs := t.Context(), randomSeqs(rng, m.head())
	switch n := rng.IntN(7); {
	case n > 5:
		m.muted = randomMuted(rng)
		return func() (store.InboxState, error) { return h.DB.Mute(ctx, c, m.muted) }, "mute " + string(m.muted)
	case n < 1:
		key := []string{"k", "l", "none"}[rng.IntN(3)]
		removed := 0
		m.each(func(l *letter) {
			if l.key == key && !l.deleted {
				l.deleted = true
				removed++
			}
		})
		return func() (state store.InboxState, err error) {
			n, states, err := h.DB.Withdraw(ctx, c, key)
			require.Equal(t, removed, n)
			if removed = 0; len(states) > 0 { // for when it is repeated
				state = states[len(states)-1]
			}
			return state, err
		}, "withdraw " + key
	case n < 2:
		upTo := rng.Uint64N(m.head() + 3)
		m.seen = max(m.seen, min(upTo, m.head()))
		return func() (store.InboxState, error) { return h.DB.MarkSeen(ctx, c, upTo) }, fmt.Sprint("seen up to ", upTo)
	case n < 5:
		for _, seq := range seqs {
			if l := m.at(seq); l.listed() {
				l.read, l.archived = true, true
			}
		}
		return func() (store.InboxState, error) { return h.DB.Archive(ctx, c, seqs) }, fmt.Sprint("archive ", seqs)
	default:
		for _, seq := range seqs {
			if l := m.at(seq); l.stored() {
				l.archived = false
			}
		}
		return func() (store.InboxState, error) { return h.DB.Unarchive(ctx, c, seqs) }, fmt.Sprint("unarchive ", seqs)
	}
}

// randomMuted is some types, or none.
func randomMuted(rng *rand.Rand) event.Muted {
	var types []string
	for _, kind := range kinds {
		if rng.IntN(3) == 0 {
			types = append(types, kind)
		}
	}
	muted, err := event.NewMuted(types)
	if err != nil {
		panic(err) // they are good
	}
	return muted
}

// stored tells whether the archive shows a letter.
func (l *letter) stored() bool { return l != nil && l.archived && !l.deleted && !l.expired }

// requireCounts checks what the log counts.
func (m *mailbox) requireCounts(t *testing.T, got store.InboxCounts, what string) {
	t.Helper()
	var unseen uint64
	byType, sum := make(map[string]uint64), uint64(0)
	for seq := m.floor + 1; seq <= m.head(); seq++ {
		l := m.at(seq)
		if !l.counted() {
			continue
		}
		byType[l.kind]++
		if seq > m.seen {
			unseen++
		}
	}
	require.Equal(t, unseen, got.Unseen, what)
	for kind, n := range got.ByType {
		require.Equal(t, byType[kind], n, what)
		sum += n
	}
	require.Equal(t, got.Unread, sum, what)
}

// requireFiltered checks the archive, and the list of a type.
func (m *mailbox) requireFiltered(t *testing.T, h Harness, rng *rand.Rand, c event.Channel) {
	t.Helper()
	var archive, typed []string
	for seq := m.head(); seq > m.floor; seq-- {
		l := m.at(seq)
		if l.stored() {
			archive = append(archive, shown(seq, true))
		}
		if l.listed() && l.kind == kinds[0] {
			typed = append(typed, shown(seq, l.read))
		}
	}
	require.Equal(t, strings.Join(archive, " "), h.walkFiltered(t, rng, store.InboxQuery{Channel: c, Archived: true}))
	require.Equal(t, strings.Join(typed, " "), h.walkFiltered(t, rng, store.InboxQuery{Channel: c, Types: kinds[:1]}))
}

// tidyUp is what tidy does, without a model.
func (h Harness) tidyUp(ctx context.Context, rng *rand.Rand, c event.Channel, seqs []uint64) (store.InboxState, error) {
	switch rng.IntN(5) {
	case 4:
		return h.DB.Mute(ctx, c, randomMuted(rng))
	case 0:
		_, _, err := h.DB.Withdraw(ctx, c, []string{"k0", "k1"}[rng.IntN(2)])
		return store.InboxState{}, err
	case 1:
		return h.DB.MarkSeen(ctx, c, rng.Uint64N(100))
	case 2:
		return h.DB.Archive(ctx, c, seqs)
	default:
		return h.DB.Unarchive(ctx, c, seqs)
	}
}

// operate does one thing that a publisher or somebody with a bell does, to seqs up to
// most, and checks that what is counted is never more than there is.
func (h Harness) operate(t *testing.T, rng *rand.Rand, c event.Channel, most uint64) error {
	ctx, seqs := t.Context(), randomSeqs(rng, most)
	var state store.InboxState
	var err error
	switch rng.IntN(8) {
	case 0, 1, 2:
		e := collapsing(`1`, []string{"", "k0", "k1"}[rng.IntN(3)], c)
		e.Type, e.Renew, e.Critical = kinds[rng.IntN(len(kinds))], rng.IntN(3) == 0, rng.IntN(4) == 0
		_, _, err = h.DB.Append(ctx, []store.Entry{e})
	case 3:
		state, err = h.DB.MarkRead(ctx, c, rng.Uint64N(most))
	case 4:
		state, err = h.DB.MarkReadSeqs(ctx, c, seqs)
	case 5:
		state, err = h.DB.MarkUnreadSeqs(ctx, c, seqs)
	default:
		state, err = h.tidyUp(ctx, rng, c, seqs)
	}
	if err == nil && state.Unread > state.Head {
		err = fmt.Errorf("%d of %d are unread", state.Unread, state.Head)
	}
	return err
}
