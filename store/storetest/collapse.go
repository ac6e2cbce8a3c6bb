package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

var collapseTests = map[string]func(*testing.T, Harness){
	"a newer event replaces an unread one of its collapse key": func(t *testing.T, h Harness) {
		cs := channels("collapse", 2)
		c := cs[0]
		h.write(t, collapsing(`"1 comment"`, "post-7", cs...), entry(`"other"`, c), collapsing(`"a like"`, "likes", c))
		last := h.tail(t, store.Mark{}, everythingSeen).Last
		_, results := h.write(t, collapsing(`"2 comments"`, "post-7", c))
		require.Equal(t, "4 3 2", h.list(t, c, 0, 10, false))
		require.Equal(t, `"1 comment" "other" "a like" "2 comments"`, datas(h.all(t, c)), "replays have them all")
		head := h.head(t, c)
		require.EqualValues(t, 3, head.Unread)
		require.Equal(t, "1", h.list(t, cs[1], 0, 10, false), "keys are a channel's own")

		note := &event.Note{Version: head.Version, Head: 4, Unread: 3, Kind: event.NoteReplaced, Seqs: []uint64{1}}
		require.Equal(t, []store.ChannelNote{{Channel: c, Note: note}}, results[0].Notes)
		require.Equal(t, []store.Change{{Channel: c, Head: 4, Note: note}}, h.tail(t, last, nothingSeen).Commits[0].Changes)

		h.write(t, collapsing(`"3 comments"`, "post-7", c))
		require.Equal(t, "5 3 2", h.list(t, c, 0, 10, true))
		require.Equal(t, 3, h.recount(t, c))
		require.Equal(t, 3, h.count(t, "collapses"), "one row for each key")
	},
	"a read event is not replaced": func(t *testing.T, h Harness) {
		h.write(t, collapsing(`1`, "k", inbox))
		h.must(t, inbox)(h.DB.MarkRead(t.Context(), inbox, 1))
		h.write(t, collapsing(`2`, "k", inbox))
		require.Equal(t, "2 (1)", h.list(t, inbox, 0, 10, false))
		h.must(t, inbox)(h.DB.MarkReadSeqs(t.Context(), inbox, []uint64{2}))
		_, results := h.write(t, collapsing(`3`, "k", inbox))
		require.Empty(t, results[0].Notes)
		require.Equal(t, "3 (2) (1)", h.list(t, inbox, 0, 10, false))
		require.EqualValues(t, 1, h.head(t, inbox).Unread)
		// One that was read and is unread again is like any other.
		h.must(t, inbox)(h.DB.MarkRead(t.Context(), inbox, 3))
		h.must(t, inbox)(h.DB.MarkUnreadSeqs(t.Context(), inbox, []uint64{3}))
		h.write(t, collapsing(`4`, "k", inbox))
		require.Equal(t, "4 (2) (1)", h.list(t, inbox, 0, 10, false))
		require.EqualValues(t, 1, h.head(t, inbox).Unread)
	},
	"events of one group replace each other": func(t *testing.T, h Harness) {
		cs := channels("collapse-group", 2)
		epoch, results := h.write(t,
			collapsing(`1`, "k", cs...), collapsing(`2`, "k", cs[0]), collapsing(`3`, "l", cs[0]), collapsing(`4`, "k", cs[0]), entry(`5`, cs[0]))
		require.NotEmpty(t, epoch)
		require.Equal(t, "5 4 3", h.list(t, cs[0], 0, 10, false))
		require.EqualValues(t, 3, h.head(t, cs[0]).Unread)
		require.Equal(t, 3, h.recount(t, cs[0]))
		require.Equal(t, "1", h.list(t, cs[1], 0, 10, false))
		for _, r := range results[:4] {
			require.Empty(t, r.Notes)
		}
		require.Len(t, results[4].Notes, 1, "the channel's last event has the note")
		require.Equal(t, []uint64{1, 2}, results[4].Notes[0].Note.Seqs)
	},
	"what was deleted, expired or trimmed is not replaced": func(t *testing.T, h Harness) {
		short := collapsing(`2`, "short", inbox)
		short.ExpiresAt = time.Now().Add(-time.Second)
		h.write(t, collapsing(`1`, "gone", inbox), short, collapsing(`3`, "old", inbox))
		h.delete(t, inbox, 1)
		_, err := h.DB.Expire(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, h.count(t, "collapses"), "nothing is left of the others")
		_, results := h.write(t, collapsing(`4`, "gone", inbox), collapsing(`5`, "short", inbox))
		require.Empty(t, results[1].Notes)
		require.EqualValues(t, 3, h.head(t, inbox).Unread)
		require.NoError(t, walk(t, h, keepNewest(2)))
		_, results = h.write(t, collapsing(`6`, "old", inbox))
		require.Empty(t, results[0].Notes)
		require.Equal(t, "6 5 4", h.list(t, inbox, 0, 10, true))
		require.EqualValues(t, 3, h.head(t, inbox).Unread)
		require.NoError(t, h.DB.Purge(t.Context(), inbox))
		require.Zero(t, h.count(t, "collapses"))
	},
	"a replayed append replaces nothing": func(t *testing.T, h Harness) {
		e := keyed(collapsing(`1`, "k", inbox), "shop", "key", "body")
		h.write(t, e)
		_, results := h.write(t, e)
		require.True(t, results[0].Replayed)
		require.Empty(t, results[0].Notes)
		require.Equal(t, "1", h.list(t, inbox, 0, 10, true))
	},
	"many channels collapse in one group": func(t *testing.T, h Harness) {
		cs := channels("collapse-many", 250)
		h.write(t, collapsing(`1`, "k", cs...))
		h.write(t, collapsing(`2`, "k", cs...), entry(`3`, cs[7]))
		for _, c := range []event.Channel{cs[0], cs[249]} {
			require.Equal(t, "2", h.list(t, c, 0, 10, false))
			require.EqualValues(t, 1, h.head(t, c).Unread)
		}
		require.Equal(t, "3 2", h.list(t, cs[7], 0, 10, false))
		require.EqualValues(t, 2, h.head(t, cs[7]).Unread)
	},
}
