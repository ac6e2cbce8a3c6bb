package notifier

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/store"
	"github.com/bellhop/bellhop/store/kept"
)

// fakeKept is a kept log whose appends can be held up and made to fail.
type fakeKept struct {
	Kept // what is not asked for

	before func(entries []store.Entry) error // an error fails them all
	trim   func(store.KeptCursor) (store.KeptCursor, error)
	log    *kept.Memory

	mu    sync.Mutex
	sizes []int // of the groups
}

func newFakeKept() *fakeKept {
	return &fakeKept{log: kept.NewMemory(fanout.NewMemory(fanout.Config{Logger: quiet()}), kept.Config{Logger: quiet()})}
}

func (k *fakeKept) Append(ctx context.Context, entries []store.Entry) []store.KeptAppended {
	k.mu.Lock()
	k.sizes = append(k.sizes, len(entries))
	k.mu.Unlock()
	if k.before != nil {
		if err := k.before(entries); err != nil {
			results := make([]store.KeptAppended, len(entries))
			for i := range results {
				results[i].Err = err
			}
			return results
		}
	}
	return k.log.Append(ctx, entries)
}

func (k *fakeKept) Purge(ctx context.Context, ch event.Channel) error {
	if k.before != nil {
		if err := k.before(nil); err != nil {
			return err
		}
	}
	return k.log.Purge(ctx, ch)
}

func (k *fakeKept) Trim(_ context.Context, from store.KeptCursor) (store.KeptCursor, error) {
	if k.trim == nil {
		return store.KeptCursor{}, nil
	}
	return k.trim(from)
}

func (k *fakeKept) head(t *testing.T, ch event.Channel) store.KeptHead {
	t.Helper()
	heads, err := k.log.Heads(t.Context(), []event.Channel{ch}, false)
	require.NoError(t, err)
	return heads[0]
}

func with(k Kept) func(*Config) { return func(c *Config) { c.Kept = k } }

// holdingKept is a kept log whose appends wait for letGo.
func holdingKept() (k *fakeKept, letGo func()) {
	held := make(chan struct{})
	k = newFakeKept()
	k.before = func([]store.Entry) error { <-held; return nil }
	return k, sync.OnceFunc(func() { close(held) })
}

// noDatabase fails whoever asks it.
func noDatabase() *fakeLog {
	return &fakeLog{before: func([]store.Entry) error { return errAway }}
}
