package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout/fanouttest"
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

var keptConcurrencyTests = map[string]keptTest{
	"what fifty append is announced in the order of seqs": {run: func(t *testing.T, h keptLog) {
		r := h.listen(t)
		h.appendFromMany(t, topic)
		r.WaitCount(t, fanouttest.Message, topic, appenders*appendsOfEach)
		require.Equal(t, series(1, appenders*appendsOfEach), r.Seqs(topic))
	}},
	"of many with one key one appends": {run: func(t *testing.T, h keptLog) {
		var g errgroup.Group
		for range appenders {
			g.Go(func() error {
				result := h.Log.Append(t.Context(), []store.Entry{keyed(entry(`1`, topic), "shop", "k", "b")})[0]
				if result.Err == nil && result.Seqs[0] != 1 {
					return fmt.Errorf("seq %d", result.Seqs[0])
				}
				return result.Err
			})
		}
		require.NoError(t, g.Wait())
		require.EqualValues(t, 1, h.head(t, topic).Seq)
	}},
	"trimming hides nothing from those who read at the same time": {keep: store.Retention{MaxCount: 50}, run: func(t *testing.T, h keptLog) {
		const total = 1000
		h.readWhile(t, topic, 2, total, 20, func() error {
			for range total / 10 {
				for _, r := range h.Log.Append(t.Context(), slices.Repeat([]store.Entry{entry(`1`, topic)}, 10)) {
					if r.Err != nil {
						return r.Err
					}
				}
			}
			return nil
		})
		require.Equal(t, series(total-49, total), seqs(h.all(t, topic)))
	}},
}
