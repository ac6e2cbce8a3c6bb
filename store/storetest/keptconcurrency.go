package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/bellhop/bellhop/fanout/fanouttest"
	"github.com/bellhop/bellhop/store"
)

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
