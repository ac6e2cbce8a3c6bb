package notifier

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/store"
)

// newMutedAPI is a notifier at which user:1 mutes likes, and where all people have a
// stream open.
func newMutedAPI(t *testing.T) *api {
	t.Helper()
	a := newSQLiteAPI(t)
	bus := a.cfg.Bus.(*fakeBus)
	bus.on = func(_ context.Context, m []fanout.Message) ([]int, error) {
		bus.mu.Lock()
		defer bus.mu.Unlock()
		bus.messages = append(bus.messages, m...)
		receivers := make([]int, len(m))
		for i := range receivers {
			receivers[i] = 1
		}
		return receivers, nil
	}
	_, err := a.log.Mute(t.Context(), "user:1", ",like,")
	require.NoError(t, err)
	return a
}

func TestPublisherIsToldOfWhatIsMuted(t *testing.T) {
	t.Parallel()
	a := newMutedAPI(t)
	const some = `"users":["3"],"type":"like","data":1}`
	for _, c := range []struct{ path, body, want string }{
		{"/v1/events", `{"channels":["user:2","user:1"],` + some, `{"events":[{"channel":"user:2","seq":1},{"channel":"user:1","muted":true},{"channel":"user:3","user":"3","seq":1}]}`},
		{"/v1/events", `{"users":["1"],"type":"like","data":1}`, `{"events":[{"channel":"user:1","user":"1","muted":true}]}`},
		{"/v1/events?online=true", `{"channels":["user:1","user:2"],` + some, `{"events":[{"channel":"user:1","muted":true},{"channel":"user:2","seq":2,"online":true},{"channel":"user:3","user":"3","seq":2,"online":true}]}`},
		{"/v1/events?online=true", `{"channels":["user:1"],"type":"like","data":1}`, `{"events":[{"channel":"user:1","muted":true}]}`},
		{"/v1/events", `{"channels":["user:1"],"type":"like","data":1,"critical":true}`, `{"events":[{"channel":"user:1","seq":1}]}`},
		{"/v1/events", `{"channels":["user:1"],"type":"note","data":1,"critical":false}`, `{"events":[{"channel":"user:1","seq":2}]}`},
	} {
		w := a.do(http.MethodPost, c.path, c.body)
		require.Equal(t, http.StatusCreated, w.Code, w.Body)
		require.JSONEq(t, c.want, w.Body.String(), c.body)
	}
	bus := a.cfg.Bus.(*fakeBus)
	require.Eventually(t, func() bool { return len(bus.seqs("user:1")) == 2 }, waitFor, tick)
	require.Equal(t, []uint64{1, 2}, bus.seqs("user:1"), "the bus hears of what is there alone")
	require.Equal(t, []uint64{1, 2}, bus.seqs("user:2"))
	requireProblem(t, a.publish(`{"channels":["user:1"],"type":"like","data":1,"critical":1}`), http.StatusUnprocessableEntity)
}

func TestBatchAndReplayTellOfWhatIsMuted(t *testing.T) {
	t.Parallel()
	a := newMutedAPI(t)
	const batch = `{"events":[{"channels":["user:1"],"type":"like","data":1,"idempotency_key":"a"},{"channels":["user:1","user:2"],"type":"like","data":1}]}`
	w := a.do(http.MethodPost, "/v1/events/batch", batch)
	require.JSONEq(t, `{"results":[{"status":201,"events":[{"channel":"user:1","muted":true}]},
		{"status":201,"events":[{"channel":"user:1","muted":true},{"channel":"user:2","seq":1}]}]}`, w.Body.String())
	_, err := a.log.Mute(t.Context(), "user:1", "")
	require.NoError(t, err)
	for _, path := range []string{"/v1/events", "/v1/events?online=true"} {
		w = a.do(http.MethodPost, path, `{"channels":["user:1"],"type":"like","data":1}`, "Idempotency-Key", "a")
		require.Equal(t, http.StatusCreated, w.Code, w.Body)
		require.Equal(t, "true", w.Header().Get("Idempotent-Replayed"))
		require.JSONEq(t, `{"events":[{"channel":"user:1","muted":true}]}`, w.Body.String(), "the first answer, whatever is muted by now")
	}
	w = a.publish(`{"channels":["user:1"],"type":"like","data":1,"critical":true}`, "Idempotency-Key", "a")
	require.Equal(t, http.StatusUnprocessableEntity, w.Code, "a critical event is another one")
	plain := store.Entry{Channels: []event.Channel{"user:1"}, Type: "x", Data: []byte("1"), CollapseKey: "k"}
	critical, renewing := plain, plain
	critical.Critical, renewing.Renew = true, true
	require.NotEqual(t, fingerprint(&plain), fingerprint(&critical))
	require.NotEqual(t, fingerprint(&renewing), fingerprint(&critical))
}

// The relay takes a row out of the outbox whose event nobody wants.
func TestMutedEventIsDoneForWhoPublishesInOrder(t *testing.T) {
	t.Parallel()
	a := newMutedAPI(t)
	events := outgoing("user:1", "user:1")
	events[0].Type = "like"
	require.Equal(t, []Receipt{{}, {}}, a.PublishInOrder(t.Context(), auth.Outbox(), events))
	require.Len(t, a.events(t, "user:1"), 1)
}
