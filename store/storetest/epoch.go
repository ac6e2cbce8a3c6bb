package storetest

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// replaceServer makes the primary a foreign server.
func (h Harness) replaceServer(t *testing.T) {
	t.Helper()
	h.exec(t, "UPDATE meta SET identity = 'another server'")
}

var epochTests = map[string]func(*testing.T, Harness){
	"the first epoch begins with the schema": func(t *testing.T, h Harness) {
		first := h.epoch(t)
		require.True(t, first.Valid())
		require.NoError(t, h.DB.Migrate(t.Context()))
		require.Equal(t, first, h.epoch(t), "migrating again changes nothing")
		require.NoError(t, h.DB.CheckSchema(t.Context()))
		require.NoError(t, h.DB.Ready(t.Context()))
		require.NoError(t, h.DB.Readable(t.Context()))
	},
	"a foreign server is believed nothing until a notifier has looked": func(t *testing.T, h Harness) {
		first := h.fill(t, inbox, 2)
		h.replaceServer(t)
		for _, ask := range map[string]func() error{
			"heads": func() error { _, err := h.DB.Heads(t.Context(), []event.Channel{inbox}, false); return err },
			"fresh": func() error { _, err := h.DB.Heads(t.Context(), []event.Channel{inbox}, true); return err },
			"tail":  func() error { _, err := h.DB.Tail(t.Context(), store.Mark{}, nothingSeen); return err },
			"range": func() error {
				_, err := h.DB.Ranges(t.Context(), []store.Range{{Channel: inbox, Through: 3, Limit: 1}})
				return err
			},
			"ready":  func() error { return h.DB.Ready(t.Context()) },
			"delete": func() error { _, err := h.DB.Delete(t.Context(), inbox, 1); return err },
			"purge":  func() error { return h.DB.Purge(t.Context(), inbox) },
			"trim":   func() error { return walk(t, h, keepNewest(1)) },
			"expire": func() error { _, err := h.DB.Expire(t.Context()); return err },
			"age":    func() error { _, err := h.DB.AgeOut(t.Context()); return err },
		} {
			require.ErrorIs(t, ask(), store.ErrNotPrimary)
			require.ErrorIs(t, ask(), store.ErrUnavailable)
		}
		require.Equal(t, 2, h.count(t, "events"))

		changed, err := h.DB.CheckIdentity(t.Context())
		require.NoError(t, err)
		require.True(t, changed)
		second := h.epoch(t)
		require.NotEqual(t, first, second)
		require.True(t, second.Valid())
		require.EqualValues(t, 2, h.head(t, inbox).Seq)
		require.Equal(t, second, h.tail(t, store.Mark{}, nothingSeen).Epoch)
		require.Equal(t, second, h.page(t, store.Range{Channel: inbox, Epoch: second, Limit: 1}).Epoch)

		changed, err = h.DB.CheckIdentity(t.Context())
		require.NoError(t, err)
		require.False(t, changed)
		require.Equal(t, second, h.epoch(t))
	},
	"no seq is assigned before the new epoch": func(t *testing.T, h Harness) {
		first := h.fill(t, inbox, 1)
		h.replaceServer(t)
		second := h.fill(t, inbox, 1)
		require.NotEqual(t, first, second)
		require.Equal(t, second, h.epoch(t))
	},
	"two fail-overs never give the same epoch": func(t *testing.T, h Harness) {
		seen := make(map[event.Epoch]bool)
		h.replaceServer(t)
		_, err := h.DB.CheckIdentity(t.Context())
		require.NoError(t, err)
		seen[h.epoch(t)] = true
		for range 19 { // what another server makes of it
			require.NoError(t, h.DB.NewEpoch(t.Context()))
			seen[h.epoch(t)] = true
		}
		require.Len(t, seen, 20)
	},
	"of several notifiers one begins the new epoch": func(t *testing.T, h Harness) {
		h.replaceServer(t)
		results := make([]bool, 8)
		var g errgroup.Group
		for i := range results {
			g.Go(func() (err error) {
				results[i], err = h.DB.CheckIdentity(t.Context())
				return err
			})
		}
		require.NoError(t, g.Wait())
		changes := 0
		for _, changed := range results {
			if changed {
				changes++
			}
		}
		require.Equal(t, 1, changes)
	},
	"an operator begins an epoch, or keeps one": func(t *testing.T, h Harness) {
		first := h.epoch(t)
		require.NoError(t, h.DB.NewEpoch(t.Context()))
		second := h.epoch(t)
		require.NotEqual(t, first, second)
		h.replaceServer(t)
		require.NoError(t, h.DB.KeepEpoch(t.Context()))
		require.Equal(t, second, h.epoch(t))
		h.replaceServer(t)
		require.NoError(t, h.DB.NewEpoch(t.Context()))
		require.NotEqual(t, second, h.epoch(t))
	},
	"a schema that does not fit is told apart": func(t *testing.T, h Harness) {
		h.exec(t, "INSERT INTO bellhop_schema (version_id, is_applied) VALUES (99, 1)")
		require.NoError(t, h.DB.CheckSchema(t.Context()), "the next version's, which only adds")
		require.NoError(t, h.DB.Migrate(t.Context()))
		h.write(t, entry(`1`, "user:b"))
		h.exec(t, "INSERT INTO bellhop_schema (version_id, is_applied) VALUES (101, 1)")
		require.ErrorIs(t, h.DB.CheckSchema(t.Context()), store.ErrSchema)
		require.ErrorIs(t, h.DB.Ready(t.Context()), store.ErrSchema)
		require.ErrorIs(t, h.DB.Migrate(t.Context()), store.ErrSchema, "a schema of a later era is left alone")
		h.exec(t, "DELETE FROM bellhop_schema WHERE version_id > 0")
		require.ErrorIs(t, h.DB.CheckSchema(t.Context()), store.ErrSchema)
		h.exec(t, "DROP TABLE bellhop_schema")
		require.ErrorIs(t, h.DB.CheckSchema(t.Context()), store.ErrSchema)
		h.exec(t, "DELETE FROM meta")
		eventually(t, func() bool { // until then a replica stands in, which has its row still
			_, err := h.DB.Heads(t.Context(), nil, false)
			return errors.Is(err, store.ErrSchema)
		})
		_, err := h.DB.Tail(t.Context(), store.Mark{}, nothingSeen)
		require.ErrorIs(t, err, store.ErrSchema)
		_, err = h.DB.Ranges(t.Context(), []store.Range{{Channel: "user:a", Through: 1, Limit: 1}})
		require.ErrorIs(t, err, store.ErrSchema)
		_, _, err = h.DB.Append(t.Context(), []store.Entry{entry(`1`, "user:a")})
		require.ErrorIs(t, err, store.ErrSchema)
		require.ErrorIs(t, err, store.ErrNotWritten)
	},
	"closing twice is fine, and then nothing answers": func(t *testing.T, h Harness) {
		require.NoError(t, h.DB.Close())
		require.NoError(t, h.DB.Close())
		_, err := h.DB.Heads(t.Context(), nil, false)
		require.ErrorIs(t, err, store.ErrUnavailable)
		_, _, err = h.DB.Append(t.Context(), []store.Entry{entry(`1`, "user:a")})
		require.ErrorIs(t, err, store.ErrNotWritten)
		require.ErrorIs(t, err, store.ErrUnavailable)
	},
}
