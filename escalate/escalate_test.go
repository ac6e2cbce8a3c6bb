package escalate

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

const patience = 30 * time.Second

// receiver is a product that takes calls.
type receiver struct {
	*httptest.Server

	mu     sync.Mutex
	bodies []message
}

func receive(t *testing.T, then func(http.ResponseWriter, *http.Request)) *receiver {
	t.Helper()
	r := new(receiver)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		var m message
		if err == nil && json.Unmarshal(body, &m) == nil {
			r.mu.Lock()
			r.bodies = append(r.bodies, m)
			r.mu.Unlock()
		}
		if then != nil {
			then(w, req)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) came() []message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]message(nil), r.bodies...)
}

// running is an escalator at work on a log of its own, until the test ends.
func running(t *testing.T, online func(context.Context, []string) map[string]bool, hooks map[string]auth.Webhook) (*store.DB, *Escalator) {
	t.Helper()
	db, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	secret := secretFile(t, aSecret)
	for name, hook := range hooks {
		hook.SecretFile, hook.AllowPrivate = secret, true
		hooks[name] = hook
	}
	e, err := New(Config{Log: db, Webhooks: func() map[string]auth.Webhook { return hooks }, Online: online, Registerer: prometheus.NewRegistry()})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := e.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(func() {
		stop()
		done.Wait()
		require.NoError(t, db.Close())
	})
	return db, e
}

func publish(t *testing.T, db *store.DB, c event.Channel, n int, e store.Escalation) {
	t.Helper()
	entries := make([]store.Entry, n)
	for i := range entries {
		entries[i] = store.Entry{Channels: []event.Channel{c}, Type: "note", Data: []byte(`1`), Escalate: []store.Escalation{e}}
	}
	_, _, err := db.Append(t.Context(), entries)
	require.NoError(t, err)
}

// TestATargetThatHangsDoesNotHoldUpOthers, though there are more calls to it than may be
// under way; and the process ends in time with it.
func TestATargetThatHangsDoesNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	var under, most atomic.Int64
	hangs := receive(t, func(_ http.ResponseWriter, req *http.Request) {
		most.Store(max(most.Load(), under.Add(1)))
		defer under.Add(-1)
		select {
		case <-over:
		case <-req.Context().Done():
		}
	})
	defer close(over)
	answers := receive(t, nil)
	db, _ := running(t, nil, map[string]auth.Webhook{"stuck": {URL: hangs.URL}, "main": {URL: answers.URL}})
	for i := range 2 * slots {
		publish(t, db, event.Channel("user:"+string(rune('a'+i))), 1, store.Escalation{Target: "stuck"})
	}
	require.Eventually(t, func() bool { return under.Load() == slots }, patience, time.Millisecond)
	publish(t, db, "user:42", 3, store.Escalation{Target: "main"})
	require.Eventually(t, func() bool { return len(answers.came()) == 1 }, patience, time.Millisecond)
	body := answers.came()[0]
	require.Equal(t, "42", body.Data.User)
	require.EqualValues(t, 3, body.Data.Unread)
	require.Len(t, body.Data.Events, 3, "together")
	require.EqualValues(t, slots, most.Load(), "concurrency is bounded")
}

// TestWhoIsOnlineIsNotTold: of several people who are asked about in one question.
func TestWhoIsOnlineIsNotTold(t *testing.T) {
	t.Parallel()
	to := receive(t, nil)
	db, _ := running(t, func(_ context.Context, people []string) map[string]bool {
		there := make(map[string]bool)
		for _, p := range people {
			there[p] = p == "here"
		}
		return there
	}, map[string]auth.Webhook{"main": {URL: to.URL}})
	rule := store.Escalation{Target: "main", Unless: store.UnlessOnline}
	publish(t, db, "user:here", 1, rule)
	publish(t, db, "user:away", 1, rule)
	publish(t, db, "user:here", 1, store.Escalation{Target: "main", After: time.Millisecond})
	require.Eventually(t, func() bool { return len(to.came()) == 2 }, patience, time.Millisecond)
	var told []string
	for _, m := range to.came() {
		require.Len(t, m.Data.Events, 1)
		told = append(told, m.Data.User)
	}
	require.ElementsMatch(t, []string{"here", "away"}, told)
}

// TestACallIsGivenUpAfterADay, is counted, and is not tried any more.
func TestACallIsGivenUpAfterADay(t *testing.T) {
	t.Parallel()
	to := receive(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	e := rig(t)
	log := new(oneCall)
	e.cfg.Log = log
	s := &sender{Escalator: e, target: "main"}
	hook := auth.Webhook{URL: to.URL, SecretFile: secretFile(t, aSecret), AllowPrivate: true}
	call := aCall
	call.Made, call.Tries = time.Now(), 1
	s.try(t.Context(), hook, &call)
	require.False(t, log.parked)
	require.Equal(t, "it answered 500", log.why)
	call.Made, call.Tries = time.Now().Add(-tryFor), 30
	s.try(t.Context(), hook, &call)
	require.True(t, log.parked)
	require.InDelta(t, 1, testutil.ToFloat64(e.metrics.calls.WithLabelValues("main", "parked")), 0)
	require.InDelta(t, 1, testutil.ToFloat64(e.metrics.calls.WithLabelValues("main", "refused")), 0)
}

// oneCall is a log that notes what became of a call.
type oneCall struct {
	Log

	parked bool
	why    string
}

func (l *oneCall) PutOffCall(_ context.Context, _ store.Call, _ time.Duration, park bool, why string) error {
	l.parked, l.why = park, why
	return nil
}

// TestWithoutWebhooksTheLogIsNotAsked: a log that is nil would be missed.
func TestWithoutWebhooksTheLogIsNotAsked(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 10)
	e, err := New(Config{Webhooks: func() map[string]auth.Webhook {
		select {
		case asked <- struct{}{}:
		default:
		}
		return nil
	}})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { _ = e.Run(ctx) })
	for range 3 {
		<-asked
	}
	stop()
	done.Wait()
}
