package notifier

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/store"
)

// outgoing are events to channels, of the types e0, e1, ...
func outgoing(channels ...string) []Outgoing {
	events := make([]Outgoing, len(channels))
	for i, ch := range channels {
		events[i] = Outgoing{
			Channels: json.RawMessage(`["` + ch + `"]`), Data: json.RawMessage("1"), Type: fmt.Sprintf("e%d", i), Key: fmt.Sprintf("k%d", i),
		}
	}
	return events
}

// TestNoneOvertakesOneThatFailed, whatever it failed for: all that was written of a channel
// came before it.
func TestNoneOvertakesOneThatFailed(t *testing.T) {
	t.Parallel()
	for name, log := range map[string]func() *fakeLog{
		"its values": func() *fakeLog {
			return &fakeLog{before: func(entries []store.Entry) error {
				for _, e := range entries {
					if e.Type == "e1" {
						return errBad
					}
				}
				return nil
			}}
		},
		"its key is taken": func() *fakeLog {
			return &fakeLog{refuse: func(e store.Entry) error {
				if e.Type == "e1" {
					return store.ErrKeyBusy
				}
				return nil
			}}
		},
		"the log was away once": func() *fakeLog {
			var away atomic.Bool
			return &fakeLog{before: func([]store.Entry) error {
				if away.CompareAndSwap(false, true) {
					return errLost
				}
				return nil
			}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := log()
				// A group holds one of the jobs, so that most are judged by what came before.
				n := startFake(t, l, &fakeBus{}, func(c *Config) { c.GroupRows = 2 })
				for _, r := range n.PublishInOrder(t.Context(), auth.Outbox(), outgoing("user:1", "user:1", "user:1", "user:1", "user:1")) {
					require.False(t, r.Refused)
				}
				written := slices.Concat(l.types()...)
				for i, typ := range written {
					require.Equal(t, fmt.Sprintf("e%d", i), typ)
				}
				require.LessOrEqual(t, len(written), 1)
			})
		})
	}
}

// TestWhatBreaksARuleHoldsUpNobody, and its receipt says which rule. The data of one must
// not pass for a part of the event.
func TestWhatBreaksARuleHoldsUpNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &fakeLog{refuse: func(e store.Entry) error {
			if e.Type == "e8" {
				return store.ErrKeyBody
			}
			return nil
		}}
		n := startFake(t, l, &fakeBus{})
		events := outgoing("user:1", "user:1", "nowhere:1", "user:1", "user:1", "user:1", "user:1", "user:1", "user:1", "user:1")
		events[1].Data = json.RawMessage(`1,"users":["7"]`)
		events[3].Type = "bellhop.x"
		events[4].Channels = nil
		events[5].Key = ""
		events[6].Data = nil
		events[7].Data = json.RawMessage(`"` + strings.Repeat("x", 70_000) + `"`)
		receipts := n.PublishInOrder(t.Context(), auth.Outbox(), events)
		for i, reason := range []string{
			"", "data: malformed JSON", `there is no namespace "nowhere"`, "type: ", "want 1 to 1000 channels", "an idempotency key is", "data: it is missing",
			"the data is too large", "was used with another body", "",
		} {
			if reason == "" {
				require.NoError(t, receipts[i].Err)
				continue
			}
			require.True(t, receipts[i].Refused, reason)
			require.ErrorContains(t, receipts[i].Err, reason)
		}
		require.Equal(t, []string{"e0", "e9"}, slices.Concat(l.types()...))
	})
}

// TestMoreThanTheQueueTakesWaitsForItsTurn instead of being refused.
func TestMoreThanTheQueueTakesWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &fakeLog{}
		n := startFake(t, l, &fakeBus{}, func(c *Config) { c.QueueRows = 3 })
		channels := make([]string, 50)
		for i := range channels {
			channels[i] = "user:1"
		}
		for _, r := range n.PublishInOrder(t.Context(), auth.Outbox(), outgoing(channels...)) {
			require.NoError(t, r.Err)
		}
		written := slices.Concat(l.types()...)
		require.Len(t, written, 50)
		for i, typ := range written {
			require.Equal(t, fmt.Sprintf("e%d", i), typ)
		}
	})
}
