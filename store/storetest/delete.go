package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

var deleteTests = map[string]func(*testing.T, Harness){
	"a deleted event leaves a tombstone": func(t *testing.T, h Harness) {
		h.fill(t, inbox, 5)
		before := h.head(t, inbox)
		last := h.tail(t, store.Mark{}, everythingSeen).Last
		state := h.delete(t, inbox, 3)

		after := h.head(t, inbox)
		require.EqualValues(t, 5, after.Seq)
		require.EqualValues(t, 4, after.Unread)
		require.Greater(t, after.Version, before.Version)
		require.Equal(t, "1 2 4 5", datas(h.all(t, inbox)))
		p := h.page(t, store.Range{Channel: inbox, After: 2, Version: after.Version, Limit: 1})
		require.Empty(t, p.Events)
		require.EqualValues(t, 3, p.Last, "the position passes over it")

		tail := h.tail(t, last, nothingSeen)
		require.Len(t, tail.Commits, 1)
		note := &event.Note{Version: after.Version, Head: 5, Unread: 4, Kind: event.NoteRemoved, Seqs: []uint64{3}}
		require.Equal(t, []store.Change{{Channel: inbox, Head: 5, Rewrite: true, Note: note}}, tail.Commits[0].Changes)
		require.Equal(t, store.InboxState{Epoch: h.epoch(t), Head: 5, Unread: 4, Note: note}, state)
		var rest int
		require.NoError(t, h.SQL.QueryRowContext(t.Context(), "SELECT LENGTH(data) FROM events WHERE seq = 3").Scan(&rest))
		require.Zero(t, rest, "what it said is erased")
	},
	"deleting what is gone, or never was, is nothing": func(t *testing.T, h Harness) {
		h.fill(t, inbox, 5)
		h.delete(t, inbox, 2)
		require.NoError(t, walk(t, h, keepNewest(4)))
		before, commits := h.head(t, inbox), h.count(t, "commits")
		for _, seq := range []uint64{0, 1, 2, 6, event.MaxSeq} {
			require.Nil(t, h.delete(t, inbox, seq).Note)
		}
		require.Equal(t, store.InboxState{Epoch: h.epoch(t)}, h.delete(t, "user:nobody", 1))
		require.Equal(t, before, h.head(t, inbox))
		require.Equal(t, commits, h.count(t, "commits"))
	},
	"a purged channel goes on from its head": func(t *testing.T, h Harness) {
		cs := channels("purge", 2)
		h.fill(t, cs[0], 1300)
		h.fill(t, cs[1], 2)
		last := h.tail(t, store.Mark{}, everythingSeen).Last
		require.NoError(t, h.DB.Purge(t.Context(), cs[0]))
		require.NoError(t, h.DB.Purge(t.Context(), "user:nobody"))
		head := h.head(t, cs[0])
		require.Equal(t, store.Head{Channel: cs[0], Seq: 1300, Floor: 1300, Version: head.Version}, head)
		require.Equal(t, 2, h.count(t, "events"))
		tail := h.tail(t, last, nothingSeen)
		require.Len(t, tail.Commits, 1)
		note := &event.Note{Version: head.Version, Head: 1300, Kind: event.NoteRemoved}
		require.Equal(t, []store.Change{{Channel: cs[0], Head: 1300, Rewrite: true, Note: note}}, tail.Commits[0].Changes)
		_, results := h.write(t, entry(`"new"`, cs[0]))
		require.Equal(t, []uint64{1301}, results[0].Seqs)
		require.Equal(t, `"new"`, datas(h.all(t, cs[0])))
		require.Equal(t, "1 2", datas(h.all(t, cs[1])))
	},
	"an event that expires becomes a tombstone": func(t *testing.T, h Harness) {
		cs := channels("expiry", 2)
		e := entry(`"short"`, cs[0], cs[1])
		e.ExpiresAt = time.Now().Add(-time.Second)
		far := entry(`"long"`, cs[0])
		far.ExpiresAt = time.Now().Add(time.Hour)
		h.write(t, e, far, e)
		require.EqualValues(t, 3, h.head(t, cs[0]).Unread)
		require.Equal(t, 5, h.count(t, "expiries"))
		last := h.tail(t, store.Mark{}, everythingSeen).Last

		more, err := h.DB.Expire(t.Context())
		require.NoError(t, err)
		require.False(t, more)
		require.EqualValues(t, 1, h.head(t, cs[0]).Unread)
		require.EqualValues(t, 0, h.head(t, cs[1]).Unread)
		require.Equal(t, 1, h.count(t, "expiries"))
		tail := h.tail(t, last, nothingSeen)
		require.Len(t, tail.Commits, 1)
		require.ElementsMatch(t, []store.Change{
			{Channel: cs[0], Head: 3, Rewrite: true, Note: &event.Note{
				Version: h.head(t, cs[0]).Version, Head: 3, Unread: 1, Kind: event.NoteRemoved, Seqs: []uint64{1, 3},
			}},
			{Channel: cs[1], Head: 2, Rewrite: true, Note: &event.Note{
				Version: h.head(t, cs[1]).Version, Head: 2, Kind: event.NoteRemoved, Seqs: []uint64{1, 2},
			}},
		}, tail.Commits[0].Changes)
		require.Equal(t, 4, h.count(t, "events WHERE data = ''"))
		require.Equal(t, `"long"`, datas(h.all(t, cs[0])))
	},
	"many events that expire are buried step by step": func(t *testing.T, h Harness) {
		entries := make([]store.Entry, 250)
		for i := range entries {
			entries[i] = entry(`1`, inbox)
			entries[i].ExpiresAt = time.Now().Add(-time.Second)
		}
		h.write(t, entries...)
		require.Equal(t, 3, stepwise(t, h.DB.Expire))
		require.Zero(t, h.count(t, "expiries"))
		require.Zero(t, h.head(t, inbox).Unread)
	},
}
