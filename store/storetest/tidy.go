package storetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// counts is what the log counts in the inbox.
func (h Harness) counts(t *testing.T) store.InboxCounts {
	t.Helper()
	head := h.head(t, inbox)
	expect := store.Range{Channel: inbox, Epoch: h.epoch(t), Through: head.Seq, Version: head.Version}
	counts, err := h.DB.Counts(t.Context(), expect)
	// The largest count may take longer than a reading is given, where the race detector
	// and other tests have the processors.
	for giveUp := time.Now().Add(patience); errors.Is(err, context.DeadlineExceeded) && time.Now().Before(giveUp); {
		counts, err = h.DB.Counts(t.Context(), expect)
	}
	require.NoError(t, err)
	require.Equal(t, head, counts.Head)
	require.False(t, counts.Stale)
	return counts
}

var tidyTests = map[string]func(*testing.T, Harness){
	"what is seen is apart from what is read": func(t *testing.T, h Harness) {
		none, err := h.DB.MarkSeen(t.Context(), inbox, 9)
		require.NoError(t, err)
		require.Equal(t, store.InboxState{Epoch: h.epoch(t)}, none)
		h.fill(t, inbox, 8)
		require.EqualValues(t, 8, h.counts(t).Unseen, "nobody said what was seen")
		s := h.must(t, inbox)(h.DB.MarkSeen(t.Context(), inbox, 5))
		require.Equal(t, &event.Note{Version: s.Note.Version, Head: 8, Unread: 8, Kind: event.NoteSeen, UpTo: 5}, s.Note)
		commits := h.tail(t, store.Mark{}, nothingSeen).Commits
		require.Equal(t, s.Note, commits[len(commits)-1].Changes[0].Note, "the tail has it too")
		require.Nil(t, h.must(t, inbox)(h.DB.MarkSeen(t.Context(), inbox, 5)).Note, "once more changes nothing")
		require.Nil(t, h.must(t, inbox)(h.DB.MarkSeen(t.Context(), inbox, 4)).Note, "the watermark does not go back")
		for _, step := range []struct {
			do     func() (store.InboxState, error)
			unseen int
		}{
			{func() (store.InboxState, error) { return h.DB.MarkReadSeqs(t.Context(), inbox, []uint64{2, 7}) }, 2},
			{func() (store.InboxState, error) { return h.DB.MarkRead(t.Context(), inbox, 6) }, 1},
			{func() (store.InboxState, error) { return h.DB.MarkUnreadSeqs(t.Context(), inbox, []uint64{3, 6, 7}) }, 3},
			{func() (store.InboxState, error) { return h.DB.Delete(t.Context(), inbox, 8) }, 2},
			{func() (store.InboxState, error) { return h.DB.MarkSeen(t.Context(), inbox, event.MaxSeq) }, 0},
		} {
			h.must(t, inbox)(step.do())
			require.EqualValues(t, step.unseen, h.counts(t).Unseen)
		}
		h.fill(t, inbox, 2)
		require.EqualValues(t, 2, h.counts(t).Unseen, "what comes later is unseen")
		require.NoError(t, walk(t, h, keepNewest(1)))
		require.EqualValues(t, 1, h.counts(t).Unseen)
		require.NoError(t, h.DB.Purge(t.Context(), inbox))
		require.Zero(t, h.counts(t).Unseen)
	},
	"a list is filtered by types, and what is unread is counted by them": func(t *testing.T, h Harness) {
		for _, kind := range []string{"like", "reply", "like", "note", "reply", "like"} {
			h.write(t, typed(kind, inbox))
		}
		list := func(before uint64, limit int, unread bool, types ...string) string {
			return h.listed(t, store.InboxQuery{Channel: inbox, Before: before, Limit: limit, Unread: unread, Types: types})
		}
		require.Equal(t, "6 3 1", list(0, 3, false, "like"))
		require.Equal(t, "6 3 -> 3", list(0, 2, false, "like"))
		require.Equal(t, "1", list(3, 2, false, "like"))
		require.Equal(t, "5 4 2", list(0, 9, false, "reply", "note"))
		require.Empty(t, list(0, 9, false, "other"))
		require.Equal(t, map[string]uint64{"like": 3, "reply": 2, "note": 1}, h.counts(t).ByType)
		h.must(t, inbox)(h.DB.MarkRead(t.Context(), inbox, 4))
		h.must(t, inbox)(h.DB.MarkUnreadSeqs(t.Context(), inbox, []uint64{1}))
		h.must(t, inbox)(h.DB.MarkReadSeqs(t.Context(), inbox, []uint64{5}))
		require.Equal(t, "6 (3) 1", list(0, 9, false, "like"))
		require.Equal(t, "6 1", list(0, 9, true, "like"))
		require.Empty(t, list(0, 9, true, "reply"))
		require.Equal(t, map[string]uint64{"like": 2}, h.counts(t).ByType)
		require.NoError(t, walk(t, h, keepNewest(1)))
		require.Equal(t, map[string]uint64{"like": 1}, h.counts(t).ByType)
	},
	"what is archived leaves the list and the count, and comes back": func(t *testing.T, h Harness) {
		archived := func() string { return h.listed(t, store.InboxQuery{Channel: inbox, Limit: 9, Archived: true}) }
		h.write(t, entry(`1`, inbox), entry(`2`, inbox), collapsing(`3`, "k", inbox), entry(`4`, inbox), entry(`5`, inbox))
		h.must(t, inbox)(h.DB.MarkRead(t.Context(), inbox, 2))
		h.delete(t, inbox, 5)
		s := h.must(t, inbox)(h.DB.Archive(t.Context(), inbox, []uint64{5, 3, 1, 3, 99}))
		require.Equal(t, &event.Note{Version: s.Note.Version, Head: 5, Unread: 1, Kind: event.NoteArchived, Seqs: []uint64{1, 3}}, s.Note)
		require.Equal(t, "4 (2)", h.list(t, inbox, 0, 9, false))
		require.Equal(t, "(3) (1)", archived())
		require.Equal(t, "1 2 3 4", datas(h.all(t, inbox)), "replays have them")
		require.Nil(t, h.must(t, inbox)(h.DB.Archive(t.Context(), inbox, []uint64{1, 3})).Note, "once more changes nothing")
		require.Nil(t, h.must(t, inbox)(h.DB.MarkUnreadSeqs(t.Context(), inbox, []uint64{1, 3})).Note, "what is archived is read")
		h.write(t, collapsing(`6`, "k", inbox))
		require.Equal(t, "6 4 (2)", h.list(t, inbox, 0, 9, false))
		require.Equal(t, "(3) (1)", archived(), "and nothing replaces it")
		s = h.must(t, inbox)(h.DB.Unarchive(t.Context(), inbox, []uint64{3, 4, 5, 99}))
		require.Equal(t, &event.Note{Version: s.Note.Version, Head: 6, Unread: 2}, s.Note)
		require.Equal(t, "6 4 (3) (2)", h.list(t, inbox, 0, 9, false))
		require.Nil(t, h.must(t, inbox)(h.DB.Unarchive(t.Context(), inbox, []uint64{3})).Note)
		h.delete(t, inbox, 1)
		require.Empty(t, archived(), "it can be deleted there")
	},
	"badge, count and list agree after 200 operations of five clients at once": func(t *testing.T, h Harness) {
		atOnce(t, 5, 40, func(rng *rand.Rand) error { return h.operate(t, rng, inbox, 60) })
		h.mute(t, inbox)
		h.fill(t, inbox, 1)
		s := h.must(t, inbox)(h.DB.Delete(t.Context(), inbox, h.head(t, inbox).Seq))
		h.requireNotesAgree(t, []event.Channel{inbox})
		counts := h.counts(t)
		require.Equal(t, counts.Unread, s.Note.Unread, "the badge")
		require.EqualValues(t, h.recount(t, inbox), counts.Unread, "the list")
		require.LessOrEqual(t, counts.Unseen, counts.Unread)
		tabs, listed := uint64(0), 0
		for kind, n := range counts.ByType {
			list := h.walkFiltered(t, rand.New(rand.NewPCG(1, 1)), store.InboxQuery{Channel: inbox, Unread: true, Types: []string{kind}})
			require.Len(t, strings.Fields(list), int(n), "the tab of %s", kind)
			tabs, listed = tabs+n, listed+len(strings.Fields(list))
		}
		require.Equal(t, counts.Unread, tabs)
		require.EqualValues(t, tabs, listed)
	},
	"withdrawn events leave the list, the count and replays": func(t *testing.T, h Harness) {
		cs := channels("withdraw", 2)
		c := cs[0]
		none, states, err := h.DB.Withdraw(t.Context(), c, "k")
		require.NoError(t, err)
		require.Zero(t, none)
		require.Empty(t, states)
		h.write(t, collapsing(`1`, "k", cs...), entry(`2`, c), collapsing(`3`, "k", c), collapsing(`4`, "l", c))
		h.must(t, c)(h.DB.MarkReadSeqs(t.Context(), c, []uint64{3}))
		h.write(t, collapsing(`5`, "k", c)) // 3 is read, so that it stays
		require.Equal(t, "5 4 (3) 2", h.list(t, c, 0, 9, false))
		n, states, err := h.DB.Withdraw(t.Context(), c, "k")
		require.NoError(t, err)
		require.Equal(t, 3, n)
		require.Len(t, states, 1)
		h.must(t, c)(states[0], nil)
		require.Equal(t, &event.Note{Version: states[0].Note.Version, Head: 5, Unread: 2, Kind: event.NoteRemoved, Seqs: []uint64{1, 3, 5}}, states[0].Note)
		require.Equal(t, "4 2", h.list(t, c, 0, 9, false))
		require.Equal(t, "2 4", datas(h.all(t, c)))
		require.Equal(t, "1", datas(h.all(t, cs[1])), "keys are a channel's own")
		commits := h.tail(t, store.Mark{}, nothingSeen).Commits
		require.True(t, commits[len(commits)-1].Changes[0].Rewrite, "who holds copies drops them")
		n, states, err = h.DB.Withdraw(t.Context(), c, "k")
		require.NoError(t, err)
		require.Zero(t, n, "once more changes nothing")
		require.Empty(t, states)
		h.write(t, collapsing(`6`, "k", c))
		require.Equal(t, "6 4 2", h.list(t, c, 0, 9, false), "the key can be used again")
	},
	"an event may renew a read one of its collapse key": func(t *testing.T, h Harness) {
		renewing := func(data, key string) store.Entry {
			e := collapsing(data, key, inbox)
			e.Renew = true
			return e
		}
		h.write(t, collapsing(`1`, "k", inbox), collapsing(`2`, "l", inbox), collapsing(`3`, "m", inbox))
		h.must(t, inbox)(h.DB.MarkRead(t.Context(), inbox, 3))
		h.must(t, inbox)(h.DB.MarkUnreadSeqs(t.Context(), inbox, []uint64{2}))
		_, results := h.write(t, renewing(`4`, "k"), renewing(`5`, "l"), collapsing(`6`, "m", inbox))
		head := h.head(t, inbox)
		require.Equal(t, []store.ChannelNote{{
			Channel: inbox,
			Note:    &event.Note{Version: head.Version, Head: 6, Unread: 3, Kind: event.NoteRenewed, Seqs: []uint64{1, 2}},
		}}, results[2].Notes)
		require.Equal(t, "6 5 4 (3)", h.list(t, inbox, 0, 9, false), "without renew a read one stays")
		require.Equal(t, 3, h.recount(t, inbox))
		h.must(t, inbox)(h.DB.Archive(t.Context(), inbox, []uint64{4}))
		h.write(t, renewing(`7`, "k"), renewing(`8`, "k"))
		require.Equal(t, "8 6 5 (3)", h.list(t, inbox, 0, 9, false), "what is archived stays so")
		require.EqualValues(t, 3, h.must(t, inbox)(h.DB.MarkUnreadSeqs(t.Context(), inbox, []uint64{1})).Unread, "what was renewed is gone from the list")
	},
	"what is withdrawn may be far back": func(t *testing.T, h Harness) {
		h.write(t, collapsing(`1`, "far", inbox))
		h.replaced(t, inbox, 2, 12_000)
		n, _, err := h.DB.Withdraw(t.Context(), inbox, "far")
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Zero(t, h.head(t, inbox).Unread)
		n, states, err := h.DB.Withdraw(t.Context(), inbox, "k")
		require.NoError(t, err)
		require.Equal(t, 11_999, n)
		require.Greater(t, len(states), 1)
		require.Zero(t, h.head(t, inbox).Unread)
	},
	"no more than the newest events are counted by type": func(t *testing.T, h Harness) {
		h.fill(t, inbox, 3)
		h.replaced(t, inbox, 4, store.MaxCounted+1)
		require.Equal(t, map[string]uint64{"comment": 2}, h.counts(t).ByType)
		require.EqualValues(t, 3, h.counts(t).Unread)
	},
}
