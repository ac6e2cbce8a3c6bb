package storetest

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// bothTests are passed by logs of both kinds.
var bothTests = map[string]func(*testing.T, anyLog){
	"data comes back byte for byte": func(t *testing.T, l anyLog) {
		var want []string
		var entries []store.Entry
		for _, data := range []string{
			`{"n":1.10,"big":12345678901234567890123,"e":1E400}`, `"quote ' back \\ slash \" \u0000 ?"`, `"` + "\u2028 \U0001F514 é" + `"`,
			`null`, `[]`, `""`, `1`, `{"a":1,"a":2}`, `"` + strings.Repeat("x", 300_000) + `"`, `"%s $1 :name"`,
		} {
			want = append(want, data)
			entries = append(entries, entry(data, inbox))
		}
		l.write(t, entries...)
		events := l.all(t, inbox)
		require.Len(t, events, len(want))
		for i, e := range events {
			require.True(t, bytes.Equal([]byte(want[i]), e.Data), "event %d", i+1)
		}
	},
	"names that differ only in case are two channels": func(t *testing.T, l anyLog) {
		for _, r := range l.write(t, entry(`1`, "user:Ann"), entry(`2`, "user:ann"), entry(`3`, "user:ann|x/+=~")) {
			require.Equal(t, []uint64{1}, r.Seqs)
		}
		require.Equal(t, "2", datas(l.all(t, "user:ann")))
	},
	"the longest names and values fit": func(t *testing.T, l anyLog) {
		c, err := event.ParseChannel(strings.Repeat("n", event.MaxNamespace) + ":" + strings.Repeat("k", event.MaxKey))
		require.NoError(t, err)
		e := entry(`1`, c)
		e.Type = strings.Repeat("T", event.MaxType)
		if !l.kept {
			e.CollapseKey = strings.Repeat("ü", 127)
		}
		l.write(t, e)
		require.Equal(t, e.Type, l.all(t, c)[0].Type)
	},
	"heads move with every append": func(t *testing.T, l anyLog) {
		unread := func(n uint64) uint64 {
			if l.kept { // which counts none
				return 0
			}
			return n
		}
		epoch := l.fill(t, inbox, 3)
		first := l.head(t, inbox)
		require.Equal(t, store.Head{Channel: inbox, Seq: 3, Version: first.Version, Unread: unread(3)}, first.Head)
		require.Equal(t, epoch, first.Epoch)
		require.Positive(t, first.Version)
		l.fill(t, inbox, 2)
		second := l.head(t, inbox)
		require.Equal(t, store.Head{Channel: inbox, Seq: 5, Version: second.Version, Unread: unread(5)}, second.Head)
		require.Equal(t, epoch, second.Epoch)
		require.Greater(t, second.Version, first.Version)
	},
	"no entries are nothing": func(t *testing.T, l anyLog) {
		results, err := l.append(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, results)
	},
	"a caller who has left gets nothing written": func(t *testing.T, l anyLog) {
		results, err := l.append(cancelled(), []store.Entry{entry(`1`, inbox)})
		if l.kept {
			err = results[0].Err
		}
		require.ErrorIs(t, err, store.ErrNotWritten)
		require.Zero(t, l.head(t, inbox).Seq)
	},
	"a page holds what follows a position, up to the limit": func(t *testing.T, l anyLog) {
		epoch := l.fill(t, inbox, 100)
		r := store.Range{Channel: inbox, Epoch: epoch, Through: 100}
		if l.kept {
			r.Epoch, r.Through = "another", 1000
		}
		for _, tt := range []struct {
			after uint64
			limit int
			want  []uint64
			last  uint64
		}{
			{0, 3, series(1, 3), 3},
			{3, 3, series(4, 6), 6},
			{3, 60, series(4, 63), 63},
			{97, 3, series(98, 100), 100},
			{97, 100, series(98, 100), 100},
			{100, 5, []uint64{}, 100},
			{112, 5, []uint64{}, 112}, // a position ahead of the head stays where it is
			{event.MaxSeq, 5, []uint64{}, event.MaxSeq},
		} {
			r.After, r.Limit = tt.after, tt.limit
			p := l.page(t, r)
			require.Equal(t, tt.want, seqs(p.Events), "after %d", tt.after)
			require.Equal(t, tt.last, p.Last, "after %d", tt.after)
			require.EqualValues(t, 100, p.Seq)
			require.Equal(t, epoch, p.Epoch)
			require.False(t, p.Stale)
		}
	},
	"two ranges of one channel": func(t *testing.T, l anyLog) {
		l.fill(t, inbox, 5)
		pages, err := l.ranges(t.Context(), []store.Range{{Channel: inbox, After: 3, Through: 5, Limit: 9}, {Channel: inbox, Through: 5, Limit: 2}})
		require.NoError(t, err)
		require.Equal(t, "4 5", datas(pages[0].Events))
		require.Equal(t, "1 2", datas(pages[1].Events))
	},
	"many channels are read at once": func(t *testing.T, l anyLog) {
		cs := channels("read", store.MaxRanges+7)
		var entries []store.Entry
		for i, c := range cs {
			entries = append(entries, entry(`1`, c), entry(`2`, c))
			if i < 100 {
				entries = append(entries, entry(`3`, c))
			}
		}
		l.write(t, entries...)
		ranges := make([]store.Range, store.MaxRanges)
		for i := range ranges {
			ranges[i] = store.Range{Channel: cs[i], After: 1, Through: 2, Limit: 10}
		}
		pages, err := l.ranges(t.Context(), ranges)
		require.NoError(t, err)
		require.Len(t, pages, len(ranges))
		for i, p := range pages {
			want := "2"
			if i < 100 {
				want = "2 3"
			}
			require.Equal(t, want, datas(p.Events))
			require.Equal(t, cs[i], p.Channel)
			require.Equal(t, p.Seq, p.Last)
		}
		_, err = l.ranges(t.Context(), make([]store.Range, store.MaxRanges+1))
		require.Error(t, err)

		heads, err := l.heads(t.Context(), append(cs, "user:nobody", cs[5]), true)
		require.NoError(t, err)
		require.Len(t, heads, len(cs)+2)
		for i, c := range cs {
			require.Equal(t, c, heads[i].Channel)
			require.Equal(t, i < 100, heads[i].Seq == 3)
		}
		require.Equal(t, store.Head{Channel: "user:nobody"}, heads[len(cs)].Head)
		require.Equal(t, heads[5], heads[len(cs)+1])
	},
	"no question has no answer": func(t *testing.T, l anyLog) {
		pages, err := l.ranges(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, pages)
		heads, err := l.heads(t.Context(), nil, false)
		require.NoError(t, err)
		require.Empty(t, heads)
	},
	"the bytes of one answer are bounded, and it can be gone on from": func(t *testing.T, l anyLog) {
		cs := channels("large", 100) // more than one statement reads
		data := `"` + strings.Repeat("z", 60_000) + `"`
		for _, c := range cs {
			l.write(t, slices.Repeat([]store.Entry{entry(data, c)}, 4)...)
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
				return
			}
			pages, err := l.ranges(t.Context(), ranges)
			require.NoError(t, err)
			require.NotEmpty(t, pages[0].Events, "the first range always goes on")
			size := 0
			for i, p := range pages {
				if l.kept {
					require.NotEmpty(t, p.Events, "every range goes on")
				}
				require.EqualValues(t, 4, p.Seq, "the head is known even where no event was read")
				require.Equal(t, series(ranges[i].After+1, p.Last), seqs(p.Events))
				after[p.Channel] = p.Last
				size += len(p.Events) * len(data)
			}
			require.Less(t, size, 9<<20)
		}
	},
	"expired events are left out": func(t *testing.T, l anyLog) {
		past, soon, late := entry(`"past"`, inbox), entry(`"soon"`, inbox), entry(`"late"`, inbox)
		past.ExpiresAt = time.Now().Add(-time.Hour)
		soon.ExpiresAt = time.Now().Add(300 * time.Millisecond)
		late.ExpiresAt = time.Now().Add(time.Hour)
		l.write(t, past, soon, late)
		eventually(t, func() bool {
			p := l.page(t, store.Range{Channel: inbox, Through: 3, Limit: 10})
			require.EqualValues(t, 3, p.Last)
			return datas(p.Events) == `"late"`
		})
	},
	"a key with another body harms no neighbour": func(t *testing.T, l anyLog) {
		cs := channels("body", 2)
		l.write(t, keyed(entry(`1`, cs[0]), "shop", "k", "one"))
		results, err := l.append(t.Context(), []store.Entry{keyed(entry(`2`, cs[0]), "shop", "k", "two"), entry(`3`, cs[0]), entry(`4`, cs[1])})
		require.NoError(t, err)
		require.ErrorIs(t, results[0].Err, store.ErrKeyBody)
		require.Nil(t, results[0].Seqs)
		require.Equal(t, []uint64{2}, results[1].Seqs)
		require.Equal(t, []uint64{1}, results[2].Seqs)
	},
	"another service's key is another key": func(t *testing.T, l anyLog) {
		cs := channels("service", 2)
		l.write(t, keyed(entry(`1`, cs[0]), "a", "bc", "x"), keyed(entry(`2`, cs[0]), "ab", "c", "y"), keyed(entry(`3`, cs[0]), "b", "bc", "z"))
		require.EqualValues(t, 3, l.head(t, cs[0]).Seq)
		if l.kept { // and so is another channel's
			l.write(t, keyed(entry(`4`, cs[1]), "a", "bc", "other"))
			require.EqualValues(t, 1, l.head(t, cs[1]).Seq)
		}
	},
	"a key twice in one call counts once": func(t *testing.T, l anyLog) {
		cs := channels("twice", 2)
		c, other := cs[0], cs[1]
		if l.kept {
			other = c
		}
		e := keyed(entry(`1`, c), "shop", "k", "same")
		results, err := l.append(t.Context(), []store.Entry{e, e, keyed(entry(`2`, other), "shop", "k", "other"), entry(`3`, cs[1])})
		require.NoError(t, err)
		require.Equal(t, []uint64{1}, results[0].Seqs)
		require.False(t, results[0].Replayed)
		require.Equal(t, store.Appended{Seqs: []uint64{1}, Time: results[0].Time, Replayed: true}, results[1].Appended)
		require.ErrorIs(t, results[2].Err, store.ErrKeyBody)
		require.Equal(t, []uint64{1}, results[3].Seqs)

		results, err = l.append(t.Context(), []store.Entry{e, e})
		require.NoError(t, err)
		require.True(t, results[0].Replayed)
		require.Equal(t, results[0].Appended, results[1].Appended)
		require.EqualValues(t, 1, l.head(t, c).Seq)
	},
	"fifty appenders to one channel leave no hole": func(t *testing.T, l anyLog) { l.appendFromMany(t, inbox) },
}
