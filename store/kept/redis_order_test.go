package kept_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
	"github.com/bellhop/bellhop/store/kept"
)

// Entries of one channel get their seqs in the order of the call, also while the
// server forgets its scripts again and again and another notifier teaches them anew.
func TestRedisKeepsTheOrderOfACallWhileScriptsAreForgotten(t *testing.T) {
	t.Parallel()
	const calls = 60
	server := testenv.Redis(t)
	entries := slices.Repeat([]store.Entry{testEntry(`"` + strings.Repeat("x", 3000) + `"`)}, 256)
	done := make(chan struct{})
	var flusher, notifiers errgroup.Group
	flusher.Go(func() error {
		for {
			select {
			case <-done:
				return nil
			default:
			}
			if err := server.Client().ScriptFlush(context.Background()).Err(); err != nil {
				return err
			}
		}
	})
	for range 2 {
		log := kept.NewRedis(open(t, server.URL()), kept.Config{
			Retention: func(event.Channel) store.Retention { return store.Retention{MaxCount: 10} }, Logger: quiet(),
		})
		notifiers.Go(func() error {
			for range calls / 2 {
				var last uint64
				for i, r := range log.Append(t.Context(), entries) {
					if r.Err != nil {
						return r.Err
					}
					if r.Seqs[0] <= last {
						return fmt.Errorf("entry %d got seq %d after %d", i, r.Seqs[0], last)
					}
					last = r.Seqs[0]
				}
			}
			return nil
		})
	}
	err := notifiers.Wait()
	close(done)
	require.NoError(t, flusher.Wait())
	require.NoError(t, err)
}

// What follows an answer that got lost is not sent: it could be carried out first.
func TestRedisOvertakesNothingThatMayStillBeWritten(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	proxy := testenv.Proxy(t, server.Addr)
	log := kept.NewRedis(open(t, "redis://"+proxy.Addr), kept.Config{Logger: quiet()})
	add(t, log, "0") // connects, and has the server learn the script
	lost := false
	proxy.Intercept(func(d testenv.Direction, _ []byte) testenv.Action {
		if d == testenv.ToClient && !lost {
			lost = true
			return testenv.Cut
		}
		return testenv.Pass
	})
	neighbour := testEntry("1")
	neighbour.Channels = []event.Channel{"topic:2"}
	results := log.Append(t.Context(), append(slices.Repeat([]store.Entry{testEntry("1")}, 200), neighbour))
	proxy.Intercept(nil)
	sent := slices.IndexFunc(results, func(r store.KeptAppended) bool { return errors.Is(r.Err, store.ErrNotWritten) })
	require.Positive(t, sent)
	require.Less(t, sent, 200)
	for i, r := range results {
		require.ErrorIs(t, r.Err, store.ErrUnavailable, i)
		require.Equal(t, i >= sent && i < 200, errors.Is(r.Err, store.ErrNotWritten), i)
	}
	require.EqualValues(t, 1+sent, head(t, log, false).Seq)
	for i, r := range log.Append(t.Context(), slices.Repeat([]store.Entry{testEntry("1")}, 200)) {
		require.NoError(t, r.Err)
		require.EqualValues(t, 2+sent+i, r.Seqs[0])
	}
}
