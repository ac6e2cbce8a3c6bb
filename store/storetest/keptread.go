package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

var keptReadTests = map[string]keptTest{
	"many channels are read at once": {run: func(t *testing.T, h keptLog) {
		cs := channels("read", store.MaxRanges+7)
		var entries []store.Entry
		for i, c := range cs {
			entries = append(entries, entry(`1`, c), entry(`2`, c))
			if i < 100 {
				entries = append(entries, entry(`3`, c))
			}
		}
		h.write(t, entries...)
		ranges := make([]store.Range, store.MaxRanges)
		for i := range ranges {
			ranges[i] = store.Range{Channel: cs[i], After: 1, Limit: 10}
		}
		pages, err := h.Log.Ranges(t.Context(), ranges)
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
		_, err = h.Log.Ranges(t.Context(), make([]store.Range, store.MaxRanges+1))
		require.Error(t, err)

		heads, err := h.Log.Heads(t.Context(), append(cs, "topic:nobody", cs[5]), true)
		require.NoError(t, err)
		require.Len(t, heads, len(cs)+2)
		for i, c := range cs {
			require.Equal(t, c, heads[i].Channel)
			require.EqualValues(t, 2+btoi(i < 100), heads[i].Seq)
		}
		require.Equal(t, store.KeptHead{Head: store.Head{Channel: "topic:nobody"}}, heads[len(cs)])
		require.Equal(t, heads[5], heads[len(cs)+1])
	}},
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

var keptTrimTests = map[string]keptTest{
	"the newest events are kept": {keep: store.Retention{MaxCount: 10}, run: func(t *testing.T, h keptLog) {
		epoch := h.fill(t, topic, 25)
		head := h.head(t, topic)
		require.Equal(t, store.KeptHead{Epoch: epoch, Head: store.Head{Channel: topic, Seq: 25, Floor: 15, Version: head.Version}}, head)
		p := h.page(t, store.Range{Channel: topic, After: 3, Limit: 4})
		require.EqualValues(t, 15, p.Floor)
		require.Equal(t, series(16, 19), seqs(p.Events), "what is gone is passed over, and told by the floor")
		require.Equal(t, series(16, 25), seqs(h.all(t, topic)))
		h.fill(t, topic, 1)
		require.EqualValues(t, 16, h.head(t, topic).Floor)
		require.Greater(t, h.head(t, topic).Version, head.Version)
	}},
	"old events go with the next append": {keep: store.Retention{MaxAge: 300 * time.Millisecond}, run: func(t *testing.T, h keptLog) {
		h.fill(t, topic, 40)
		require.EqualValues(t, 40, h.head(t, topic).Seq)
		eventually(t, func() bool {
			last := h.write(t, entry(`1`, topic))[0]
			events := h.all(t, topic)
			require.NotEmpty(t, events, "the newest is never old")
			for _, e := range events[:len(events)-1] {
				require.Less(t, last.Time.Sub(e.Time), 300*time.Millisecond+time.Second)
			}
			require.Equal(t, series(h.head(t, topic).Floor+1, last.Seqs[0]), seqs(events))
			return h.head(t, topic).Floor >= 45
		})
	}},
	"old events go without an append": {keep: store.Retention{MaxAge: 300 * time.Millisecond}, run: func(t *testing.T, h keptLog) {
		cs := channels("quiet", 5)
		epochs := make([]event.Epoch, len(cs))
		for i, c := range cs {
			epochs[i] = h.fill(t, c, 7)
		}
		h.walk(t)
		eventually(t, func() bool {
			h.write(t, entry(`"young"`, cs[0]))
			h.walk(t)
			floors := h.head(t, cs[1]).Floor + h.head(t, cs[2]).Floor + h.head(t, cs[3]).Floor + h.head(t, cs[4]).Floor
			return floors == 28
		})
		for i, c := range cs[1:] {
			require.Empty(t, h.all(t, c))
			require.Equal(t, epochs[i+1], h.head(t, c).Epoch)
			require.Equal(t, []uint64{8}, h.write(t, entry(`1`, c))[0].Seqs, "seqs go on")
		}
		events := h.all(t, cs[0])
		require.NotEmpty(t, events, "what is young stays")
		require.Equal(t, series(h.head(t, cs[0]).Floor+1, h.head(t, cs[0]).Seq), seqs(events))
	}},
	"a walk takes away nothing that is not old": {keep: store.Retention{MaxAge: time.Hour}, run: func(t *testing.T, h keptLog) {
		h.walk(t)
		h.fill(t, topic, 7)
		h.walk(t)
		require.Equal(t, series(1, 7), seqs(h.all(t, topic)))
	}},
	"both limits hold": {keep: store.Retention{MaxAge: time.Hour, MaxCount: 3}, run: func(t *testing.T, h keptLog) {
		h.fill(t, topic, 9)
		require.Equal(t, "7 8 9", datas(h.all(t, topic)))
	}},
}
