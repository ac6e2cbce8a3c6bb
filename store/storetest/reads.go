package storetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

var readTests = map[string]func(*testing.T, Harness){
	"many channels are read at once": func(t *testing.T, h Harness) {
		cs := channels("read", store.MaxRanges)
		h.write(t, entry(`1`, cs...), entry(`2`, cs...), entry(`3`, cs[:100]...))
		ranges := make([]store.Range, len(cs))
		for i := range ranges {
			ranges[i] = store.Range{Channel: cs[i], After: 1, Through: 2, Limit: 10}
		}
		pages, err := h.DB.Ranges(t.Context(), ranges)
		require.NoError(t, err)
		require.Len(t, pages, len(cs))
		for i, p := range pages {
			want := "2"
			if i < 100 {
				want = "2 3"
			}
			require.Equal(t, want, datas(p.Events))
			require.Equal(t, cs[i], p.Channel)
			require.Equal(t, p.Seq, p.Last)
		}
		_, err = h.DB.Ranges(t.Context(), make([]store.Range, store.MaxRanges+1))
		require.Error(t, err)
	},
	// A damaged log announces what is gone.
	"rows that are missing above the floor raise the floor": func(t *testing.T, h Harness) {
		c := channels("hole", 1)[0]
		h.fill(t, c, 10)
		h.exec(t, "DELETE FROM events WHERE seq IN (4, 5, 9, 10)")
		version := h.head(t, c).Version
		h.exec(t, "UPDATE channels SET version = version + 1") // so that no replica that lags is asked
		read := func(after uint64) store.Page {
			return h.page(t, store.Range{Channel: c, After: after, Through: 10, Version: version + 1, Limit: 10})
		}
		p := read(0)
		require.Equal(t, "1 2 3", datas(p.Events))
		require.EqualValues(t, 3, p.Last)
		require.Zero(t, p.Floor)
		p = read(3)
		require.EqualValues(t, 5, p.Floor)
		require.Equal(t, "6 7 8", datas(p.Events))
		require.EqualValues(t, 8, p.Last)
		p = read(8)
		require.EqualValues(t, 10, p.Floor)
		require.EqualValues(t, 10, p.Last)
		require.Empty(t, p.Events)
	},
	"a row under a false hash is not believed": func(t *testing.T, h Harness) {
		cs := channels("collision", 2)
		h.fill(t, cs[0], 1)
		h.exec(t, "UPDATE channels SET name = ?", fmt.Sprint(cs[1]))
		_, err := h.DB.Heads(t.Context(), cs[:1], false)
		require.ErrorContains(t, err, "another name")
		_, err = h.DB.Ranges(t.Context(), []store.Range{{Channel: cs[0], Version: 1 << 40, Limit: 1}}) // no replica has that
		require.ErrorContains(t, err, "another name")
		_, _, err = h.DB.Append(t.Context(), []store.Entry{entry(`1`, cs[0])})
		require.ErrorContains(t, err, "another name")
		require.ErrorIs(t, err, store.ErrNotWritten)
	},
	"a caller who has left gets no page": func(t *testing.T, h Harness) {
		_, err := h.DB.Ranges(cancelled(), []store.Range{{Channel: "user:x", Limit: 1}})
		require.ErrorIs(t, err, store.ErrUnavailable)
		_, err = h.DB.Heads(cancelled(), []event.Channel{"user:x"}, false)
		require.ErrorIs(t, err, store.ErrUnavailable)
		_, err = h.DB.Tail(cancelled(), store.Mark{}, nothingSeen)
		require.ErrorIs(t, err, store.ErrUnavailable)
	},
}
