package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

var readTests = map[string]func(*testing.T, Harness){
	"a page holds what follows a position, up to the limit": func(t *testing.T, h Harness) {
		c := channels("page", 1)[0]
		epoch := h.fill(t, c, 10)
		for _, tt := range []struct {
			after uint64
			limit int
			want  []uint64
			last  uint64
		}{
			{0, 3, series(1, 3), 3},
			{3, 3, series(4, 6), 6},
			{7, 3, series(8, 10), 10},
			{7, 100, series(8, 10), 10},
			{10, 5, []uint64{}, 10},
			{12, 5, []uint64{}, 12}, // a position ahead of the head stays where it is
			{event.MaxSeq, 5, []uint64{}, event.MaxSeq},
		} {
			p := h.page(t, store.Range{Channel: c, After: tt.after, Epoch: epoch, Through: 10, Limit: tt.limit})
			require.Equal(t, tt.want, seqs(p.Events), "after %d", tt.after)
			require.Equal(t, tt.last, p.Last, "after %d", tt.after)
			require.EqualValues(t, 10, p.Seq)
			require.Equal(t, epoch, p.Epoch)
			require.False(t, p.Stale)
		}
	},
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
	"two ranges of one channel": func(t *testing.T, h Harness) {
		c := channels("same", 1)[0]
		h.fill(t, c, 5)
		pages, err := h.DB.Ranges(t.Context(), []store.Range{{Channel: c, After: 3, Through: 5, Limit: 9}, {Channel: c, Through: 5, Limit: 2}})
		require.NoError(t, err)
		require.Equal(t, "4 5", datas(pages[0].Events))
		require.Equal(t, "1 2", datas(pages[1].Events))
	},
	"no ranges are no question": func(t *testing.T, h Harness) {
		pages, err := h.DB.Ranges(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, pages)
	},
	"the bytes of one answer are bounded, and it can be gone on from": func(t *testing.T, h Harness) {
		cs := channels("large", 100) // more than one statement reads
		data := `"` + strings.Repeat("z", 60_000) + `"`
		for range 4 {
			h.write(t, entry(data, cs...))
		}
		after := make(map[event.Channel]uint64)
		for calls := 1; ; calls++ {
			require.Less(t, calls, 10)
			var ranges []store.Range
			for _, c := range cs {
				if after[c] < 4 {
					ranges = append(ranges, store.Range{Channel: c, After: after[c], Through: 4, Limit: 10})
				}
			}
			if len(ranges) == 0 {
				require.Greater(t, calls, 2)
				break
			}
			pages, err := h.DB.Ranges(t.Context(), ranges)
			require.NoError(t, err)
			require.NotEmpty(t, pages[0].Events, "the first range always goes on")
			size := 0
			for i, p := range pages {
				require.EqualValues(t, 4, p.Seq, "the head is known even where no event was read")
				require.Equal(t, series(ranges[i].After+1, p.Last), seqs(p.Events))
				after[p.Channel] = p.Last
				size += len(p.Events) * len(data)
			}
			require.Less(t, size, 9<<20)
		}
		for _, c := range cs {
			require.EqualValues(t, 4, after[c])
		}
	},
	"expired events are left out": func(t *testing.T, h Harness) {
		c := channels("expired", 1)[0]
		past, soon, late := entry(`"past"`, c), entry(`"soon"`, c), entry(`"late"`, c)
		past.ExpiresAt = time.Now().Add(-time.Hour)
		soon.ExpiresAt = time.Now().Add(300 * time.Millisecond)
		late.ExpiresAt = time.Now().Add(time.Hour)
		h.write(t, past, soon, late)
		eventually(t, func() bool {
			p := h.page(t, store.Range{Channel: c, Through: 3, Limit: 10})
			require.EqualValues(t, 3, p.Last)
			return datas(p.Events) == `"late"`
		})
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
