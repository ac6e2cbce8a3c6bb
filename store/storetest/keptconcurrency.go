package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout/fanouttest"
	"github.com/bellhop/bellhop/store"
)

var keptConcurrencyTests = map[string]keptTest{
	"fifty appenders to one channel leave no hole": {run: func(t *testing.T, h KeptHarness) {
		const each = 4
		r := h.listen(t)
		var mu sync.Mutex
		got := make(map[uint64]string)
		epochs := make(map[event.Epoch]bool)
		var g errgroup.Group
		for i := range appenders {
			g.Go(func() error {
				for j := range each {
					data := strconv.Itoa(i*each + j)
					result := h.Log.Append(t.Context(), []store.Entry{entry(data, topic)})[0]
					if result.Err != nil {
						return result.Err
					}
					mu.Lock()
					got[result.Seqs[0]] = data
					epochs[result.Epoch] = true
					mu.Unlock()
				}
				return nil
			})
		}
		require.NoError(t, g.Wait())
		require.Len(t, got, appenders*each)
		require.Len(t, epochs, 1)
		events := h.all(t, topic)
		require.Equal(t, series(1, appenders*each), seqs(events))
		for _, e := range events {
			require.Equal(t, got[e.Seq], string(e.Data), "the seq that was answered names the event")
		}
		r.WaitCount(t, fanouttest.Message, topic, appenders*each)
		require.Equal(t, series(1, appenders*each), r.Seqs(topic), "messages come in the order of seqs")
	}},
	"of many with one key one appends": {run: func(t *testing.T, h KeptHarness) {
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
	"trimming hides nothing from those who read at the same time": {keep: store.Retention{MaxCount: 50}, run: func(t *testing.T, h KeptHarness) {
		const total = 1000
		var g errgroup.Group
		done := make(chan struct{})
		g.Go(func() error {
			defer close(done)
			for range total / 10 {
				for _, r := range h.Log.Append(t.Context(), slices.Repeat([]store.Entry{entry(`1`, topic)}, 10)) {
					if r.Err != nil {
						return r.Err
					}
				}
			}
			return nil
		})
		for range 2 {
			g.Go(func() error {
				for {
					select {
					case <-done:
						return nil
					default:
					}
					after := uint64(rand.IntN(total))
					pages, err := h.Log.Ranges(t.Context(), []store.Range{{Channel: topic, After: after, Limit: 20}})
					if err != nil {
						return err
					}
					p := pages[0]
					if want := series(max(after, p.Floor)+1, max(p.Last, after, p.Floor)); !slices.Equal(want, seqs(p.Events)) {
						return fmt.Errorf("after %d, floor %d, last %d: %v", after, p.Floor, p.Last, seqs(p.Events))
					}
				}
			})
		}
		require.NoError(t, g.Wait())
		require.Equal(t, series(total-49, total), seqs(h.all(t, topic)))
	}},
}
