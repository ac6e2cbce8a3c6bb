package gateway

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/fanout"
)

// flakyBus fails as long as it holds an error, and counts what it took.
type flakyBus struct {
	err   error
	taken int
}

func (b *flakyBus) Publish(_ context.Context, messages []fanout.Message) ([]int, error) {
	b.taken += len(messages)
	return make([]int, len(messages)), b.err
}

// TestAnnouncerSaysEachTroubleOnce, and a second one again.
func TestAnnouncerSaysEachTroubleOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		bus := new(flakyBus)
		a := newAnnouncer(bus, slog.New(slog.NewTextHandler(&logged, nil)))
		for _, step := range []struct {
			err  error
			said int
		}{{nil, 0}, {errors.New("away"), 1}, {errors.New("away"), 1}, {nil, 1}, {errors.New("away"), 2}} {
			bus.err = step.err
			a.announce(fanout.Message{Channel: "user:mina"})
			synctest.Wait()
			require.Equal(t, step.said, bytes.Count(logged.Bytes(), []byte("can't be announced")))
		}
		a.close()
		require.Equal(t, 5, bus.taken)
	})
}

// TestAnnouncerIsBounded: what the bus is too slow for is dropped, and nobody waits.
func TestAnnouncerIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := new(flakyBus)
		a := newAnnouncer(bus, slog.New(slog.DiscardHandler))
		a.close()
		for range 2 * announceQueue {
			a.announce(fanout.Message{Channel: "user:mina"})
		}
		require.Len(t, a.queue, announceQueue)
		require.Zero(t, bus.taken)
		a.close()
	})
}
