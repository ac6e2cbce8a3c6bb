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

var appendTests = map[string]func(*testing.T, Harness){
	"an unknown channel has the zero state": func(t *testing.T, h Harness) {
		c := event.Channel("user:nobody")
		require.Equal(t, store.Head{Channel: c}, h.head(t, c))
		p := h.page(t, store.Range{Channel: c, Limit: 10})
		require.Equal(t, store.Head{Channel: c}, p.Head)
		require.Empty(t, p.Events)
		require.Zero(t, p.Last)
		require.True(t, p.Epoch.Valid())
	},
	"seqs begin at 1 and are contiguous": func(t *testing.T, h Harness) {
		cs := channels("seq", 3)
		before := time.Now().Add(-time.Minute)
		epoch, results := h.write(t, entry(`"a"`, cs[0], cs[1]), entry(`"b"`, cs[1]), entry(`"c"`, cs[2], cs[1], cs[0]))
		require.True(t, epoch.Valid())
		require.Equal(t, h.epoch(t), epoch)
		require.Equal(t, []uint64{1, 1}, results[0].Seqs)
		require.Equal(t, []uint64{2}, results[1].Seqs)
		require.Equal(t, []uint64{1, 3, 2}, results[2].Seqs)
		_, results = h.write(t, entry(`"d"`, cs[1]))
		require.Equal(t, []uint64{4}, results[0].Seqs)
		require.WithinRange(t, results[0].Time, before, time.Now().Add(time.Minute))

		events := h.all(t, cs[1])
		require.Equal(t, series(1, 4), seqs(events))
		require.Equal(t, `"a" "b" "c" "d"`, datas(events))
		require.Equal(t, results[0].Time, events[3].Time)
		require.Equal(t, cs[1], events[3].Channel)
		require.Equal(t, "comment", events[3].Type)
	},
	"a group is written as a whole or not at all": func(t *testing.T, h Harness) {
		cs := channels("whole", 3)
		h.fill(t, cs[0], 2)
		bad := entry(`2`, cs[1])
		bad.CollapseKey = strings.Repeat("x", 1<<20) // too long for the column of MySQL
		_, _, err := h.DB.Append(t.Context(), []store.Entry{entry(`1`, cs[0]), bad, {Type: "none"}, entry(`3`, cs[2])})
		require.ErrorIs(t, err, store.ErrNotWritten)
		require.NotErrorIs(t, err, store.ErrUnavailable, "repeating it would not help")
		require.EqualValues(t, 2, h.head(t, cs[0]).Seq)
		require.Zero(t, h.head(t, cs[2]).Seq)
	},
	"a group of thousands of rows is one transaction": func(t *testing.T, h Harness) {
		cs := channels("many", store.MaxChannels)
		data := `"` + strings.Repeat("y", 1500) + `"`
		h.write(t, entry(data, cs...), entry(data, cs...), entry(data, cs[:10]...))
		heads, err := h.DB.Heads(t.Context(), cs, false)
		require.NoError(t, err)
		for i, head := range heads.Heads {
			require.Equal(t, cs[i], head.Channel)
			want := uint64(2)
			if i < 10 {
				want = 3
			}
			require.Equal(t, want, head.Seq)
		}
		require.Equal(t, 1, h.count(t, "commits"))
	},
	"too many channels are refused": func(t *testing.T, h Harness) {
		_, _, err := h.DB.Append(t.Context(), []store.Entry{entry(`1`, channels("over", store.MaxChannels+1)...)})
		require.ErrorIs(t, err, store.ErrNotWritten)
		_, _, err = h.DB.Append(t.Context(), []store.Entry{{Type: "x", Data: []byte("1")}})
		require.ErrorIs(t, err, store.ErrNotWritten)
	},
	"heads of more channels than one statement takes": func(t *testing.T, h Harness) {
		cs := channels("wide", 2*store.MaxChannels+7)
		h.write(t, entry(`1`, cs[5]), entry(`1`, cs[2*store.MaxChannels+6]))
		heads, err := h.DB.Heads(t.Context(), append(cs, cs[5]), true)
		require.NoError(t, err)
		require.Len(t, heads.Heads, len(cs)+1)
		for i, head := range heads.Heads[:len(cs)] {
			require.Equal(t, cs[i], head.Channel)
			require.Equal(t, i == 5 || i == 2*store.MaxChannels+6, head.Seq == 1)
		}
		require.EqualValues(t, 1, heads.Heads[len(cs)].Seq)
	},
}

var readTests = map[string]func(*testing.T, Harness){
	// A damaged log announces what is gone.
	"rows that are missing above the floor raise the floor": func(t *testing.T, h Harness) {
		h.fill(t, inbox, 10)
		h.exec(t, "DELETE FROM events WHERE seq IN (4, 5, 9, 10)")
		version := h.head(t, inbox).Version
		h.exec(t, "UPDATE channels SET version = version + 1") // so that no replica that lags is asked
		read := func(after uint64) store.Page {
			return h.page(t, store.Range{Channel: inbox, After: after, Through: 10, Version: version + 1, Limit: 10})
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
