package notifier

import (
	"context"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
)

// everyLog makes the API on SQLite and on every database server at hand.
func everyLog() map[string]func(*testing.T) *api {
	all := map[string]func(*testing.T) *api{
		"SQLite": func(t *testing.T) *api {
			t.Helper()
			return newSQLiteAPI(t)
		},
	}
	for _, engine := range testenv.Engines() {
		all[engine.Name] = func(t *testing.T) *api {
			t.Helper()
			cluster := testenv.MySQL(t, engine)
			log := openMySQL(t, cluster.Primary.DSN(cluster.NewDatabase(t)))
			a := newAPI(t, log, &fakeBus{}, func(c *Config) { c.Batchers = 2 })
			a.log = log
			return a
		}
	}
	return all
}

func openMySQL(tb testing.TB, dsn string) *store.DB {
	tb.Helper()
	log, err := store.OpenMySQL(tb.Context(), store.MySQLConfig{Primary: dsn, Log: quiet()})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, log.Close()) })
	require.NoError(tb, log.Migrate(tb.Context()))
	return log
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	for name, open := range everyLog() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := open(t)
			first := a.publish(hello, "Idempotency-Key", "k1")
			require.Equal(t, http.StatusCreated, first.Code, first.Body)
			require.Empty(t, first.Header().Get("Idempotent-Replayed"))

			again := a.publish(`{ "type":"comment", "data" : {"post": 7}, "channels":["user:42"] }`, "Idempotency-Key", "k1")
			require.Equal(t, http.StatusCreated, again.Code, again.Body)
			require.Equal(t, "true", again.Header().Get("Idempotent-Replayed"))
			require.JSONEq(t, first.Body.String(), again.Body.String())

			other := a.publish(strings.Replace(hello, "7", "8", 1), "Idempotency-Key", "k1")
			requireProblem(t, other, http.StatusUnprocessableEntity)

			require.Equal(t, http.StatusCreated, a.publish(hello, "Idempotency-Key", "k1", "Authorization", "Bearer second").Code)
			require.Equal(t, http.StatusCreated, a.publish(hello, "Idempotency-Key", "k2").Code)
			require.Equal(t, http.StatusCreated, a.publish(hello).Code)
			require.Len(t, a.events(t, "user:42"), 4, "another service, another key and no key are other requests")
		})
	}
}

// A refusal is not remembered: once it is mended the same key works.
func TestOnlySuccessIsRemembered(t *testing.T) {
	t.Parallel()
	for name, open := range everyLog() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := open(t)
			requireProblem(t, a.publish(strings.Replace(hello, "comment", "bellhop.x", 1), "Idempotency-Key", "k"), http.StatusUnprocessableEntity)
			w := a.publish(hello, "Idempotency-Key", "k")
			require.Equal(t, http.StatusCreated, w.Code, w.Body)
			require.Empty(t, w.Header().Get("Idempotent-Replayed"))
		})
	}
}

func TestConcurrentRepeatsAppendOnce(t *testing.T) {
	t.Parallel()
	for name, open := range everyLog() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := open(t)
			const n = 20
			answers := make([]*httptest.ResponseRecorder, n)
			var all sync.WaitGroup
			for i := range n {
				all.Go(func() { answers[i] = a.publish(hello, "Idempotency-Key", "k") })
			}
			all.Wait()
			fresh := 0
			for _, w := range answers {
				require.Equal(t, http.StatusCreated, w.Code, w.Body)
				require.JSONEq(t, `{"events":[{"channel":"user:42","seq":1}]}`, w.Body.String())
				if w.Header().Get("Idempotent-Replayed") == "" {
					fresh++
				}
			}
			require.Equal(t, 1, fresh)
			require.Len(t, a.events(t, "user:42"), 1)
		})
	}
}

// A request whose key another transaction holds waits for it, and its neighbours
// do not wait longer than the log's own short wait.
func TestRequestWaitsForTheOneWithItsKey(t *testing.T) {
	t.Parallel()
	cluster := testenv.MySQL(t, testenv.MariaDB())
	database := cluster.NewDatabase(t)
	log := openMySQL(t, cluster.Primary.DSN(database))
	a := newAPI(t, log, &fakeBus{})
	a.log = log
	a.batcher.keyWait = time.Second

	// The first request stands still before its COMMIT, as far as anybody sees.
	require.Equal(t, http.StatusCreated, a.publish(hello, "Idempotency-Key", "k").Code)
	var id, body, answer []byte
	var at int64
	keys := "`" + database + "`.idempotency_keys"
	row := cluster.Primary.Admin().QueryRowContext(t.Context(), "SELECT id, body, at, answer FROM "+keys)
	require.NoError(t, row.Scan(&id, &body, &at, &answer))
	cluster.Primary.Exec(t, "DELETE FROM "+keys)
	tx, err := cluster.Primary.Admin().BeginTx(context.WithoutCancel(t.Context()), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), "INSERT INTO "+keys+" (id, body, at, answer) VALUES (UNHEX(?), UNHEX(?), ?, UNHEX(?))",
		hex.EncodeToString(id), hex.EncodeToString(body), at, hex.EncodeToString(answer))
	require.NoError(t, err)

	began := time.Now()
	waiting := make(chan *httptest.ResponseRecorder)
	go func() { waiting <- a.publish(hello, "Idempotency-Key", "k") }()
	require.Eventually(t, func() bool { return len(a.batcher.parked) == 1 }, waitFor, tick)
	require.Equal(t, http.StatusCreated, a.publish(`{"channels":["user:42"],"type":"x","data":1}`).Code)

	conflict := a.publish(hello, "Idempotency-Key", "k")
	requireProblem(t, conflict, http.StatusConflict)
	require.NotEmpty(t, conflict.Header().Get("Retry-After"))
	require.GreaterOrEqual(t, time.Since(began), time.Second)
	requireProblem(t, <-waiting, http.StatusConflict)

	go func() { waiting <- a.publish(hello, "Idempotency-Key", "k") }()
	require.Eventually(t, func() bool { return len(a.batcher.parked) == 1 }, waitFor, tick)
	require.NoError(t, tx.Commit())
	w := <-waiting
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
	require.Equal(t, "true", w.Header().Get("Idempotent-Replayed"))
	require.JSONEq(t, `{"events":[{"channel":"user:42","seq":1}]}`, w.Body.String())
	require.Len(t, a.events(t, "user:42"), 2)
}

func TestFingerprintTellsRequestsApart(t *testing.T) {
	t.Parallel()
	base := store.Entry{
		Channels: []event.Channel{"user:1", "user:2"}, Type: "t", Data: []byte(`1`),
		ExpiresAt: time.UnixMilli(5).UTC(), CollapseKey: "c",
	}
	seen := map[[32]byte]string{fingerprint(&base): "base"}
	for name, change := range map[string]func(*store.Entry){
		"channels":      func(e *store.Entry) { e.Channels = e.Channels[:1] },
		"their order":   func(e *store.Entry) { e.Channels = []event.Channel{"user:2", "user:1"} },
		"glued names":   func(e *store.Entry) { e.Channels = []event.Channel{"user:1user:2"} },
		"type":          func(e *store.Entry) { e.Type = "u" },
		"data":          func(e *store.Entry) { e.Data = []byte(`1.0`) },
		"type and data": func(e *store.Entry) { e.Type, e.Data = "t1", nil },
		"expiry":        func(e *store.Entry) { e.ExpiresAt = e.ExpiresAt.Add(time.Millisecond) },
		"no expiry":     func(e *store.Entry) { e.ExpiresAt = time.Time{} },
		"collapse key":  func(e *store.Entry) { e.CollapseKey = "" },
	} {
		e := base
		change(&e)
		f := fingerprint(&e)
		require.NotContains(t, seen, f, name)
		seen[f] = name
	}
	same := base
	same.Key = &store.Key{Service: "s", Value: "k"}
	require.Equal(t, fingerprint(&base), fingerprint(&same))
}
