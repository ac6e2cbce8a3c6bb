package notifier

import (
	"context"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/wait"
	"github.com/bellhop/bellhop/store"
)

// trimEvery is the pause between two walks over all channels.
const trimEvery = time.Minute

// walk is how far a walk over all channels has got.
type walk struct{ at store.TrimCursor }

// trim does one step of a walk. One that failed begins where it stood: a
// channel that can't be trimmed now must not be passed over.
func (m *maintenance) trim(ctx context.Context, w *walk) (time.Duration, error) {
	next, err := withTurn(ctx, m, func(ctx context.Context) (store.TrimCursor, error) {
		return m.log.Trim(ctx, w.at, m.retention)
	})
	if err != nil {
		return wait.Jitter(ageEvery), err
	}
	w.at = next
	if next == (store.TrimCursor{}) {
		return wait.Jitter(trimEvery), nil
	}
	return stepPause, nil
}

// trimKept is trim for the other log. It takes no turn: that log has no connections
// to be short of.
func (m *maintenance) trimKept(ctx context.Context, at *store.KeptCursor) (time.Duration, error) {
	next, err := m.cfg.Kept.Trim(ctx, *at)
	if err != nil {
		return wait.Jitter(ageEvery), err
	}
	*at = next
	if next == (store.KeptCursor{}) {
		return wait.Jitter(trimEvery), nil
	}
	return stepPause, nil
}

// retention is what the policy of a channel's namespace wants kept. What has no
// policy any more is kept: a namespace that fell out of a file by mistake must
// not lose its events within the minute.
func (m *maintenance) retention(channel event.Channel) store.Retention {
	policy, ok := m.cfg.access.Load().policies.Lookup(channel.Namespace())
	if !ok {
		return store.Retention{}
	}
	return store.Retention(policy.Retention)
}
