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
	"github.com/bellhop/bellhop/store"
)

const appenders = 50

var concurrencyTests = map[string]func(*testing.T, Harness){
	"fifty appenders to one channel leave no hole": func(t *testing.T, h Harness) {
		c := channels("hot", 1)[0]
		const each = 4
		var mu sync.Mutex
		got := make(map[uint64]string)
		var g errgroup.Group
		for i := range appenders {
			g.Go(func() error {
				for j := range each {
					data := strconv.Itoa(i*each + j)
					_, results, err := h.DB.Append(t.Context(), []store.Entry{entry(data, c)})
					if err != nil {
						return err
					}
					mu.Lock()
					got[results[0].Seqs[0]] = data
					mu.Unlock()
				}
				return nil
			})
		}
		require.NoError(t, g.Wait())
		require.Len(t, got, appenders*each)
		events := h.all(t, c)
		require.Equal(t, series(1, appenders*each), seqs(events))
		for _, e := range events {
			require.Equal(t, got[e.Seq], string(e.Data), "the seq that was answered names the event")
		}
	},
	"no deadlock reaches those who append in opposite orders": func(t *testing.T, h Harness) {
		cs := channels("order", 12)
		var g errgroup.Group
		for i := range appenders {
			g.Go(func() error {
				mine := slices.Clone(cs)
				// Half of the channels are new to everybody, at the same moment.
				mine = append(mine, event.Channel(fmt.Sprintf("room:shared-%d", i/10)), event.Channel(fmt.Sprintf("room:shared-%d", i/10+1)))
				rand.Shuffle(len(mine), func(a, b int) { mine[a], mine[b] = mine[b], mine[a] })
				_, _, err := h.DB.Append(t.Context(), []store.Entry{entry(`1`, mine[:7]...), entry(`2`, mine[7:]...), entry(`3`, mine...)})
				return err
			})
		}
		require.NoError(t, g.Wait())
		for _, c := range cs {
			require.Equal(t, series(1, 2*appenders), seqs(h.all(t, c)))
		}
	},
	"trimming hides nothing from those who read at the same time": func(t *testing.T, h Harness) {
		c := channels("trim-race", 1)[0]
		const total = 1500
		h.fill(t, c, total)
		var g errgroup.Group
		done := make(chan struct{})
		g.Go(func() error {
			defer close(done)
			for keep := total - 50; keep >= 100; keep -= 50 {
				if err := walk(t, h, keepNewest(keep)); err != nil {
					return err
				}
			}
			return nil
		})
		for range 3 {
			g.Go(func() error {
				for {
					select {
					case <-done:
						return nil
					default:
					}
					after := uint64(rand.IntN(total))
					pages, err := h.DB.Ranges(t.Context(), []store.Range{{Channel: c, After: after, Through: total, Limit: 200}})
					if err != nil {
						return err
					}
					p := pages[0]
					if want := series(max(after, p.Floor)+1, p.Last); !slices.Equal(want, seqs(p.Events)) {
						return fmt.Errorf("after %d, floor %d, last %d: %v", after, p.Floor, p.Last, seqs(p.Events))
					}
				}
			})
		}
		require.NoError(t, g.Wait())
		require.EqualValues(t, total-100, h.head(t, c).Floor)
		require.Equal(t, 100, h.count(t, "events"))
	},
	"appends and trims and deletes count the unread": func(t *testing.T, h Harness) {
		c := channels("unread-race", 1)[0]
		h.fill(t, c, 50)
		var g errgroup.Group
		for i := range 10 {
			g.Go(func() error {
				_, _, err := h.DB.Append(t.Context(), []store.Entry{entry(`1`, c)})
				return err
			})
			g.Go(func() error {
				_, err := h.DB.Delete(t.Context(), c, uint64(35+i))
				return err
			})
			g.Go(func() error { return walk(t, h, keepNewest(40)) })
		}
		require.NoError(t, g.Wait())
		require.NoError(t, walk(t, h, keepNewest(40)))
		head := h.head(t, c)
		require.EqualValues(t, 60, head.Seq)
		require.EqualValues(t, 20, head.Floor)
		require.EqualValues(t, 30, head.Unread, "forty are left, and ten of them are deleted")
	},
}

// keepNewest is a policy.
func keepNewest(n int) func(event.Channel) store.Retention {
	return func(event.Channel) store.Retention { return store.Retention{MaxCount: n} }
}

// walk trims all channels once.
func walk(t *testing.T, h Harness, policy func(event.Channel) store.Retention) error {
	var at store.TrimCursor
	for {
		next, err := h.DB.Trim(t.Context(), at, policy)
		if err != nil || next == (store.TrimCursor{}) {
			return err
		}
		at = next
	}
}
