package storetest

import (
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/bellhop/bellhop/store"
)

var keyTests = map[string]func(*testing.T, Harness){
	"a repeated key gets the first answer": func(t *testing.T, h Harness) {
		cs := channels("replay", 300)
		h.fill(t, cs[7], 5)
		first := keyed(entry(`1`, cs...), "shop", "order-1", "body")
		_, results := h.write(t, first)
		require.False(t, results[0].Replayed)
		require.EqualValues(t, 6, results[0].Seqs[7])
		h.fill(t, cs[7], 3)

		_, again := h.write(t, entry(`x`, cs[0]), first)
		require.Equal(t, store.Appended{Seqs: results[0].Seqs, Time: results[0].Time, Replayed: true}, again[1])
		require.False(t, again[0].Replayed)
		require.EqualValues(t, 9, h.head(t, cs[7]).Seq)
		require.EqualValues(t, 2, h.head(t, cs[0]).Seq)

		commits := h.count(t, "commits")
		_, again = h.write(t, first)
		require.True(t, again[0].Replayed)
		require.Equal(t, commits, h.count(t, "commits"), "a group of replays changes nothing")
	},
	"a failed append does not use up its key": func(t *testing.T, h Harness) {
		e := keyed(entry(`1`, inbox), "shop", "k", "body")
		_, _, err := h.DB.Append(t.Context(), []store.Entry{e, {Type: "none"}})
		require.ErrorIs(t, err, store.ErrNotWritten)
		_, results := h.write(t, e)
		require.False(t, results[0].Replayed)
	},
	"of concurrent duplicates one appends": func(t *testing.T, h Harness) {
		var mu sync.Mutex
		var fresh int
		var g errgroup.Group
		for i := range 40 {
			g.Go(func() error {
				e := keyed(entry(`1`, inbox), "shop", fmt.Sprintf("k%d", i%4), "body")
				_, results, err := h.DB.Append(t.Context(), []store.Entry{e, entry(`2`, channels("dup-other", 40)[i])})
				if err != nil {
					return err
				}
				if results[0].Err != nil {
					return results[0].Err
				}
				if !results[0].Replayed {
					mu.Lock()
					fresh++
					mu.Unlock()
				}
				return nil
			})
		}
		require.NoError(t, g.Wait())
		require.Equal(t, 4, fresh)
		require.EqualValues(t, 4, h.head(t, inbox).Seq)
	},
	"hundreds of keys in one group": func(t *testing.T, h Harness) {
		entries := make([]store.Entry, 1200)
		for i := range entries {
			entries[i] = keyed(entry(strconv.Itoa(i), inbox), "shop", fmt.Sprintf("k%d", i), "body")
		}
		_, first := h.write(t, entries...)
		_, again := h.write(t, entries...)
		for i := range again {
			require.True(t, again[i].Replayed)
			require.Equal(t, first[i].Seqs, again[i].Seqs)
		}
		require.EqualValues(t, len(entries), h.head(t, inbox).Seq)
	},
}
