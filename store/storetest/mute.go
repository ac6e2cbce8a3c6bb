package storetest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// mute has a channel hold no events of some types.
func (h Harness) mute(t *testing.T, c event.Channel, types ...string) *event.Note {
	t.Helper()
	muted, err := event.NewMuted(types)
	require.NoError(t, err)
	note := h.must(t, c)(h.DB.Mute(t.Context(), c, muted)).Note
	got, err := h.DB.Muted(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, muted, got)
	return note
}

// typed is an entry of a type.
func typed(kind string, cs ...event.Channel) store.Entry {
	e := entry(`1`, cs...)
	e.Type = kind
	return e
}

var muteTests = map[string]func(*testing.T, Harness){
	"events of a muted type are not appended, but for critical ones": func(t *testing.T, h Harness) {
		cs := channels("mute", 3)
		c := cs[0]
		none, err := h.DB.Muted(t.Context(), c)
		require.NoError(t, err)
		require.Empty(t, none)
		require.Nil(t, h.mute(t, c), "nobody mutes anything")
		require.Zero(t, h.count(t, "channels"), "and that needs no row")
		h.mute(t, c, "like", "follow") // nobody wrote to it yet
		h.fill(t, c, 2)
		before := h.count(t, "commits")
		_, results := h.write(t, typed("like", c))
		require.Equal(t, []uint64{0}, results[0].Seqs)
		require.Equal(t, before, h.count(t, "commits"), "nothing happened")
		critical := typed("like", c)
		critical.Critical = true
		_, results = h.write(t, typed("like", cs...), critical, typed("likes", cs[1], c), typed("follow", c))
		require.Equal(t, []uint64{0, 1, 1}, results[0].Seqs, "each person for themselves")
		require.Equal(t, []uint64{3}, results[1].Seqs)
		require.Equal(t, []uint64{2, 4}, results[2].Seqs, "another type begins alike")
		require.Equal(t, []uint64{0}, results[3].Seqs)
		require.EqualValues(t, 4, h.head(t, c).Unread)
		require.Equal(t, "4 3 2 1", h.list(t, c, 0, 9, false))
		h.mute(t, c)
		_, results = h.write(t, typed("like", c))
		require.Equal(t, []uint64{5}, results[0].Seqs)
	},
	"what is muted is told with a version of its own": func(t *testing.T, h Harness) {
		h.fill(t, inbox, 3)
		note := h.mute(t, inbox, "like")
		require.Equal(t, &event.Note{Version: h.head(t, inbox).Version, Head: 3, Unread: 3, Kind: event.NoteMuted, Muted: ",like,"}, note)
		commits := h.tail(t, store.Mark{}, nothingSeen).Commits
		require.Equal(t, note, commits[len(commits)-1].Changes[0].Note, "the tail has it too")
		require.Nil(t, h.mute(t, inbox, "like"), "once more changes nothing")
		require.Equal(t, event.Muted(""), h.mute(t, inbox).Muted)
		h.requireNotesAgree(t, []event.Channel{inbox})
	},
	"a muted event is told of nowhere and replaces nothing": func(t *testing.T, h Harness) {
		cs := channels("mute-quiet", 2)
		c := cs[0]
		h.mute(t, c, "like")
		h.write(t, collapsing(`1`, "k", c))
		e := escalating(`1`, 0, cs...)
		e.Type, e.CollapseKey, e.Renew = "like", "k", true
		_, results := h.write(t, e)
		require.Empty(t, results[0].Notes)
		require.Equal(t, "1", h.list(t, c, 0, 9, false))
		due, _, _ := h.due(t)
		require.Len(t, due, 1)
		require.Equal(t, cs[1], due[0].Channel)
	},
	"a repeated key is answered as muted, whatever is muted by then": func(t *testing.T, h Harness) {
		cs := channels("mute-key", 2)
		h.mute(t, cs[0], "like")
		one, both := keyed(typed("like", cs[0]), "shop", "one", "body"), keyed(typed("like", cs...), "shop", "both", "body")
		_, first := h.write(t, one, both, one)
		require.Equal(t, []uint64{0}, first[0].Seqs)
		require.Equal(t, []uint64{0, 1}, first[1].Seqs)
		require.Equal(t, store.Appended{Seqs: []uint64{0}, Time: first[0].Time, Replayed: true}, first[2])
		h.mute(t, cs[0])
		h.mute(t, cs[1], "like")
		_, again := h.write(t, one)
		require.Equal(t, first[2], again[0])
		_, again = h.write(t, both)
		require.True(t, again[0].Replayed)
		require.Equal(t, first[1].Seqs, again[0].Seqs)
		require.Zero(t, h.head(t, cs[0]).Seq)
	},
	"as much may be muted as a person may ask for, and a purge leaves it": func(t *testing.T, h Harness) {
		var types []string
		for i := range 15 {
			types = append(types, strings.Repeat(string(rune('a'+i)), event.MaxType))
		}
		note := h.mute(t, inbox, types...)
		commits := h.tail(t, store.Mark{}, nothingSeen).Commits
		require.Equal(t, note, commits[len(commits)-1].Changes[0].Note)
		require.NoError(t, h.DB.Purge(t.Context(), inbox))
		_, results := h.write(t, typed(types[14], inbox))
		require.Equal(t, []uint64{0}, results[0].Seqs)
	},
}
