package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/store"
)

var keptAppendTests = map[string]keptTest{
	"an unknown channel has the zero state": {run: func(t *testing.T, h keptLog) {
		require.Equal(t, store.KeptHead{Head: store.Head{Channel: topic}}, h.head(t, topic))
		p := h.page(t, store.Range{Channel: topic, Limit: 10})
		require.Equal(t, store.Page{Head: store.Head{Channel: topic}}, p)
		require.EqualValues(t, 7, h.page(t, store.Range{Channel: topic, After: 7, Limit: 10}).Last)
	}},
	"seqs begin at 1 and are contiguous": {run: func(t *testing.T, h keptLog) {
		cs := channels("seq", 2)
		results := h.write(t, entry(`"a"`, cs[0]), entry(`"b"`, cs[1]), entry(`"c"`, cs[0]), entry(`"d"`, cs[0]))
		for i, want := range []uint64{1, 1, 2, 3} {
			require.Equal(t, []uint64{want}, results[i].Seqs)
			require.WithinDuration(t, time.Now(), results[i].Time, about)
			require.False(t, results[i].Replayed)
		}
		require.Equal(t, results[0].Epoch, results[3].Epoch)
		require.NotEqual(t, results[0].Epoch, results[1].Epoch, "every channel has an epoch of its own")
		require.Equal(t, []uint64{4}, h.write(t, entry(`"e"`, cs[0]))[0].Seqs)

		events := h.all(t, cs[0])
		require.Equal(t, series(1, 4), seqs(events))
		require.Equal(t, `"a" "c" "d" "e"`, datas(events))
		require.Equal(t, results[3].Time, events[2].Time)
		require.Equal(t, cs[0], events[2].Channel)
		require.Equal(t, "comment", events[2].Type)
	}},
	"heads move with every append": {run: func(t *testing.T, h keptLog) {
		epoch := h.fill(t, topic, 3)
		first := h.head(t, topic)
		require.Equal(t, store.KeptHead{Epoch: epoch, Head: store.Head{Channel: topic, Seq: 3, Version: first.Version}}, first)
		require.Positive(t, first.Version)
		h.fill(t, topic, 2)
		second := h.head(t, topic)
		require.EqualValues(t, 5, second.Seq)
		require.Equal(t, epoch, second.Epoch)
		require.Greater(t, second.Version, first.Version)
	}},
	"an entry that names no channel, or two, harms no neighbour": {run: func(t *testing.T, h keptLog) {
		results := h.Log.Append(t.Context(), []store.Entry{entry(`1`), entry(`2`, topic), entry(`3`, "topic:a", "topic:b")})
		require.ErrorIs(t, results[0].Err, store.ErrNotWritten)
		require.NotErrorIs(t, results[0].Err, store.ErrUnavailable, "repeating it would not help")
		require.NoError(t, results[1].Err)
		require.ErrorIs(t, results[2].Err, store.ErrNotWritten)
		require.Equal(t, "2", datas(h.all(t, topic)))
	}},
	"a purge takes everything away and seqs go on": {run: func(t *testing.T, h keptLog) {
		require.NoError(t, h.Log.Purge(t.Context(), topic), "one that is not there")
		require.Empty(t, h.head(t, topic).Epoch)
		epoch := h.fill(t, topic, 3)
		before := h.head(t, topic)
		require.NoError(t, h.Log.Purge(t.Context(), topic))
		head := h.head(t, topic)
		require.Equal(t, store.KeptHead{Epoch: epoch, Head: store.Head{Channel: topic, Seq: 3, Floor: 3, Version: head.Version}}, head)
		require.Greater(t, head.Version, before.Version)
		require.Empty(t, h.all(t, topic))
		require.Equal(t, []uint64{4}, h.write(t, entry(`4`, topic))[0].Seqs)
		require.EqualValues(t, 3, h.head(t, topic).Floor)
		require.Equal(t, epoch, h.head(t, topic).Epoch)
		require.Equal(t, "4", datas(h.all(t, topic)))
	}},
}
