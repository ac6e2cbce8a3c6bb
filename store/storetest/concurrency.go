package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

var concurrencyTests = map[string]func(*testing.T, Harness){
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
		const total = 1500
		h.fill(t, inbox, total)
		h.anyLog().readWhile(t, inbox, 3, total, 200, func() error {
			for keep := total - 50; keep >= 100; keep -= 50 {
				if err := walk(t, h, keepNewest(keep)); err != nil {
					return err
				}
			}
			return nil
		})
		require.EqualValues(t, total-100, h.head(t, inbox).Floor)
		require.Equal(t, 100, h.count(t, "events"))
	},
	"appends and trims and deletes count the unread": func(t *testing.T, h Harness) {
		h.fill(t, inbox, 50)
		var g errgroup.Group
		for i := range 10 {
			g.Go(func() error {
				_, _, err := h.DB.Append(t.Context(), []store.Entry{entry(`1`, inbox)})
				return err
			})
			g.Go(func() error {
				_, err := h.DB.Delete(t.Context(), inbox, uint64(35+i))
				return err
			})
			g.Go(func() error { return walk(t, h, keepNewest(40)) })
		}
		require.NoError(t, g.Wait())
		require.NoError(t, walk(t, h, keepNewest(40)))
		head := h.head(t, inbox)
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
