package gateway_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway"
	"github.com/bellhop/bellhop/store"
	"github.com/bellhop/bellhop/store/kept"
)

// keptLog is a kept log that a test can take away.
type keptLog struct {
	*kept.Memory
	away atomic.Bool
}

func (k *keptLog) Ranges(ctx context.Context, ranges []store.Range) ([]store.Page, error) {
	if k.away.Load() {
		return nil, fmt.Errorf("read events: %w", store.ErrUnavailable)
	}
	return k.Memory.Ranges(ctx, ranges)
}

// newKeptRig is a rig whose channels with "log: redis" are in a log of their own.
func newKeptRig(t *testing.T) (*rig, *keptLog) {
	t.Helper()
	k := &keptLog{}
	r := newRig(t, func(c *gateway.Config) { c.Kept = k })
	k.Memory = kept.NewMemory(r.bus, kept.Config{Logger: slog.New(slog.DiscardHandler)})
	return r, k
}

func (k *keptLog) publish(t *testing.T, ch event.Channel, data ...string) {
	t.Helper()
	for _, d := range data {
		e := store.Entry{Channels: []event.Channel{ch}, Type: "note", Data: []byte(d)}
		require.NoError(t, k.Append(t.Context(), []store.Entry{e})[0].Err)
	}
}

func TestHistoryOfAKeptChannel(t *testing.T) {
	t.Parallel()
	r, k := newKeptRig(t)
	k.publish(t, "topic:a", `1`, `2`, `3`)
	const path = "/v1/channels/topic:a/events"
	first := r.list(path + "?limit=2")
	require.Equal(t, []string{"1", "2"}, seqs(first))
	require.EqualValues(t, 2, *first.Next)
	require.Equal(t, []string{"3"}, seqs(r.list(fmt.Sprintf("%s?after=%d", path, *first.Next))))
	heads, err := k.Heads(t.Context(), []event.Channel{"topic:a"}, false)
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("2.%s@topic:a", heads[0].Epoch), first.Cursor)
	require.Empty(t, r.log.ranges, "the database has nothing to do with it")

	never := r.list("/v1/channels/raffle:never/events")
	require.Equal(t, []string{}, seqs(never))
	require.Equal(t, "0@raffle:never", never.Cursor, "the beginning: there is no epoch yet")
}

func TestHistoryOfOtherChannelsIsInTheDatabase(t *testing.T) {
	t.Parallel()
	r, k := newKeptRig(t)
	r.publish("user:mina", `1`)
	k.away.Store(true)
	require.Len(t, r.list("/v1/channels/user:mina/events", bearer(token(t, "mina"))).Events, 1)
}

func TestHistoryOfAKeptChannelWhileItsLogIsAway(t *testing.T) {
	t.Parallel()
	r, k := newKeptRig(t)
	k.publish(t, "topic:a", `1`)
	k.away.Store(true)
	resp := r.get("/v1/channels/topic:a/events")
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.NotEmpty(t, resp.Header.Get("Retry-After"))
	require.Equal(t, "application/problem+json", resp.Header.Get("Content-Type"))
	k.away.Store(false)
	require.Len(t, r.list("/v1/channels/topic:a/events").Events, 1)
}
