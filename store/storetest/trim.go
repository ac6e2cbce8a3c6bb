package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

var trimTests = map[string]func(*testing.T, Harness){
	"only the newest are kept": func(t *testing.T, h Harness) {
		cs := channels("count", 250) // more than one step of the walk
		h.write(t, entry(`1`, cs...), entry(`2`, cs...), entry(`3`, cs...))
		before := h.head(t, cs[9])
		require.NoError(t, walk(t, h, func(c event.Channel) store.Retention {
			if c == cs[3] {
				return store.Retention{}
			}
			return store.Retention{MaxCount: 2}
		}))
		require.Equal(t, 2*len(cs)+1, h.count(t, "events"))
		require.Equal(t, "1 2 3", datas(h.all(t, cs[3])))
		head := h.head(t, cs[9])
		require.Equal(t, store.Head{Channel: cs[9], Seq: 3, Floor: 1, Unread: 2, Version: head.Version}, head)
		require.Greater(t, head.Version, before.Version)
		p := h.page(t, store.Range{Channel: cs[9], Version: head.Version, Limit: 10})
		require.EqualValues(t, 1, p.Floor)
		require.Equal(t, "2 3", datas(p.Events))
	},
	"an inbox that loses unread events says so": func(t *testing.T, h Harness) {
		inbox, read, room := event.Channel("user:told"), event.Channel("user:read"), event.Channel("room:1")
		for _, c := range []event.Channel{inbox, read, room} {
			h.fill(t, c, 5)
		}
		_, err := h.DB.MarkReadSeqs(t.Context(), inbox, []uint64{2})
		require.NoError(t, err)
		_, err = h.DB.MarkRead(t.Context(), read, 3)
		require.NoError(t, err)
		before := h.tail(t, store.Mark{}, nothingSeen)
		require.NoError(t, walk(t, h, keepNewest(2)))
		told := h.tail(t, before.Last, nothingSeen).Commits
		require.Len(t, told, 1, "nobody counts a room, and of what was read the count says nothing")
		require.Equal(t, []store.Change{{
			Channel: inbox, Head: 5, // not Rewrite: those who hold copies may keep them
			Note: &event.Note{Version: h.head(t, inbox).Version, Head: 5, Unread: 2, Kind: event.NoteRemoved, Seqs: []uint64{1, 2, 3}},
		}}, told[0].Changes)
		require.NoError(t, walk(t, h, keepNewest(2)))
		require.Empty(t, h.tail(t, told[0].Mark, nothingSeen).Commits, "once")
		for _, c := range []event.Channel{inbox, read, room} {
			require.EqualValues(t, 2, h.head(t, c).Unread)
			require.EqualValues(t, 3, h.head(t, c).Floor)
		}
	},
	"what is too old goes, up to the last event": func(t *testing.T, h Harness) {
		h.fill(t, inbox, 2500)
		h.exec(t, "UPDATE events SET created_at = created_at - 10000000 WHERE seq <= 1200")
		policy := func(event.Channel) store.Retention { return store.Retention{MaxAge: time.Hour} }
		until := func(floor uint64) { // in as many walks as a slow machine takes
			eventually(t, func() bool {
				require.NoError(t, walk(t, h, policy))
				require.LessOrEqual(t, h.head(t, inbox).Floor, floor)
				return h.count(t, "events") == int(2500-floor)
			})
			require.Equal(t, floor, h.head(t, inbox).Floor)
		}
		until(1200)
		h.exec(t, "UPDATE events SET created_at = created_at - 10000000")
		until(2500)
		require.Equal(t, store.Head{Channel: inbox, Seq: 2500, Floor: 2500, Version: h.head(t, inbox).Version}, h.head(t, inbox))
		require.Zero(t, h.count(t, "events"))
		require.NoError(t, walk(t, h, policy))
	},
	// A notifier that died between moving a floor and deleting leaves rows behind.
	"rows below a floor are deleted by the next walk": func(t *testing.T, h Harness) {
		cs := channels("left", 2)
		h.write(t, entry(`1`, cs...), entry(`2`, cs...), entry(`3`, cs...))
		h.exec(t, "UPDATE channels SET floor = 2, version = version + 1")
		version := h.head(t, cs[0]).Version
		p := h.page(t, store.Range{Channel: cs[0], Version: version, Limit: 10})
		require.Equal(t, "3", datas(p.Events), "what is below the floor is not shown")
		p = h.page(t, store.Range{Channel: cs[0], Version: version, Limit: 1})
		require.Empty(t, p.Events)
		require.EqualValues(t, 2, p.Last)
		require.NoError(t, walk(t, h, func(event.Channel) store.Retention { return store.Retention{} }))
		require.Equal(t, 2, h.count(t, "events"))
		require.Equal(t, version, h.head(t, cs[0]).Version)
	},
	"deleted events are trimmed like others": func(t *testing.T, h Harness) {
		h.fill(t, inbox, 4)
		h.delete(t, inbox, 1)
		h.delete(t, inbox, 4)
		require.NoError(t, walk(t, h, keepNewest(2)))
		head := h.head(t, inbox)
		require.EqualValues(t, 2, head.Floor)
		require.EqualValues(t, 1, head.Unread)
	},
}

var ageTests = map[string]func(*testing.T, Harness){
	"commit rows live a minute, and the mark moves with them": func(t *testing.T, h Harness) {
		for range 5 {
			h.fill(t, inbox, 1)
		}
		ids := h.tail(t, store.Mark{}, nothingSeen).Commits
		h.exec(t, "UPDATE commits SET at = at - 30000 WHERE id > ?", ids[2].ID)
		h.exec(t, "UPDATE commits SET at = at - 61000 WHERE id <= ?", ids[2].ID)
		more, err := h.DB.AgeOut(t.Context())
		require.NoError(t, err)
		require.False(t, more)
		tail := h.tail(t, store.Mark{}, nothingSeen)
		require.Len(t, tail.Commits, 2)
		require.Equal(t, ids[2].ID+1, tail.Low)

		h.exec(t, "UPDATE commits SET at = at - 61000")
		_, err = h.DB.AgeOut(t.Context())
		require.NoError(t, err)
		tail = h.tail(t, store.Mark{}, nothingSeen)
		require.Empty(t, tail.Commits)
		require.Equal(t, ids[4].ID+1, tail.Low)
		require.Equal(t, store.Mark{ID: ids[4].ID}, tail.Last, "an empty tail still says how far it reached")
		h.fill(t, inbox, 1)
		require.Greater(t, h.tail(t, store.Mark{}, everythingSeen).Last.ID, ids[4].ID, "ids go on")
	},
	"a clock that went back does not keep rows for ever": func(t *testing.T, h Harness) {
		h.fill(t, inbox, 1)
		h.exec(t, "UPDATE commits SET at = at + 86400000") // written before the step
		h.fill(t, inbox, 1)
		h.exec(t, "UPDATE commits SET at = at - 61000")
		_, err := h.DB.AgeOut(t.Context())
		require.NoError(t, err)
		require.Zero(t, h.count(t, "commits"))
	},
	"a long tail ages step by step": func(t *testing.T, h Harness) {
		h.fill(t, inbox, 1)
		for i := 2; i <= 1200; i++ {
			h.exec(t, "INSERT INTO commits (id, token, at, changes) SELECT ?, ?, at, changes FROM commits WHERE id = 1", i, fmt.Appendf(nil, "token %010d", i))
		}
		h.exec(t, "UPDATE commits SET at = at - 61000")
		more, err := h.DB.AgeOut(t.Context())
		require.NoError(t, err)
		require.True(t, more)
		require.EqualValues(t, 1201, h.tail(t, store.Mark{}, everythingSeen).Low, "the mark moves before rows are deleted")
		stepwise(t, h.DB.AgeOut)
		require.Zero(t, h.count(t, "commits"))
	},
	"a key is remembered for a day": func(t *testing.T, h Harness) {
		cs := channels("day", 2)
		young, old := keyed(entry(`1`, cs[0]), "shop", "young", "b"), keyed(entry(`1`, cs[1]), "shop", "old", "b")
		h.write(t, old)
		h.exec(t, "UPDATE idempotency_keys SET at = at - 86401000")
		h.write(t, young)
		h.exec(t, "UPDATE idempotency_keys SET at = at - 86390000 WHERE at > (SELECT MIN(x.at) FROM (SELECT at FROM idempotency_keys) x)")
		_, err := h.DB.AgeOut(t.Context())
		require.NoError(t, err)
		_, results := h.write(t, young, old)
		require.True(t, results[0].Replayed)
		require.False(t, results[1].Replayed)
		require.Equal(t, []uint64{2}, results[1].Seqs)
	},
}
