package storetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/store"
)

var ageTests = map[string]func(*testing.T, Harness){
	"commit rows live a minute, and the mark moves with them": func(t *testing.T, h Harness) {
		c := channels("commits", 1)[0]
		for range 5 {
			h.fill(t, c, 1)
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
		h.fill(t, c, 1)
		require.Greater(t, h.tail(t, store.Mark{}, everythingSeen).Last.ID, ids[4].ID, "ids go on")
	},
	"a clock that went back does not keep rows for ever": func(t *testing.T, h Harness) {
		c := channels("clock", 1)[0]
		h.fill(t, c, 1)
		h.exec(t, "UPDATE commits SET at = at + 86400000") // written before the step
		h.fill(t, c, 1)
		h.exec(t, "UPDATE commits SET at = at - 61000")
		_, err := h.DB.AgeOut(t.Context())
		require.NoError(t, err)
		require.Zero(t, h.count(t, "commits"))
	},
	"a long tail ages step by step": func(t *testing.T, h Harness) {
		c := channels("steps", 1)[0]
		h.fill(t, c, 1)
		for i := 2; i <= 1200; i++ {
			h.exec(t, "INSERT INTO commits (id, token, at, changes) SELECT ?, ?, at, changes FROM commits WHERE id = 1", i, fmt.Appendf(nil, "token %010d", i))
		}
		h.exec(t, "UPDATE commits SET at = at - 61000")
		more, err := h.DB.AgeOut(t.Context())
		require.NoError(t, err)
		require.True(t, more)
		require.EqualValues(t, 1201, h.tail(t, store.Mark{}, everythingSeen).Low, "the mark moves before rows are deleted")
		for more {
			more, err = h.DB.AgeOut(t.Context())
			require.NoError(t, err)
		}
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
