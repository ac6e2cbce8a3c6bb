package notifier

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/store"
)

// testKeys are a key for everything, one for topics, and one for administration.
const testKeys = "shop=all,news@topic=topics,ops@admin=admin,other=second"

// api is the publishers' API on a real log.
type api struct {
	*Notifier
	log     *store.DB // nil if the log is a fake
	handler http.Handler
	server  *server.Server
}

func newAPI(t *testing.T, log Log, bus fanout.Publisher, change ...func(*Config)) *api {
	t.Helper()
	keys, err := auth.ParseServiceKeys(testKeys)
	require.NoError(t, err)
	s, err := server.New(server.Options{Logger: quiet()})
	require.NoError(t, err)
	n := startFake(t, log, bus, append([]func(*Config){func(c *Config) { c.Keys = keys }}, change...)...)
	n.Register(s.API)
	return &api{Notifier: n, handler: s.Echo, server: s}
}

func newSQLiteAPI(t *testing.T, change ...func(*Config)) *api {
	t.Helper()
	log, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "log.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	a := newAPI(t, log, &fakeBus{}, change...)
	a.log = log
	return a
}

// do sends a request with the key for everything; headers come in pairs, and an
// empty one is left out.
func (a *api) do(method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer all")
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Del(header[i])
		if header[i+1] != "" {
			r.Header.Set(header[i], header[i+1])
		}
	}
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	return w
}

func (a *api) publish(body string, header ...string) *httptest.ResponseRecorder {
	return a.do(http.MethodPost, "/v1/events", body, header...)
}

func (a *api) batch(t *testing.T, events ...string) []map[string]any {
	t.Helper()
	w := a.do(http.MethodPost, "/v1/events/batch", `{"events":[`+strings.Join(events, ",")+`]}`)
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	var out struct {
		Results []map[string]any `json:"results"`
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &out))
	require.Len(t, out.Results, len(events))
	return out.Results
}

// requireProblem checks that an answer is a problem with a status and its body.
func requireProblem(t *testing.T, w *httptest.ResponseRecorder, status int) map[string]any {
	t.Helper()
	require.Equal(t, status, w.Code, w.Body)
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	var p map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
	require.InDelta(t, status, p["status"], 0)
	require.NotEmpty(t, p["title"])
	return p
}

// requireNothingWritten checks that no transaction changed any channel.
func (a *api) requireNothingWritten(t *testing.T) {
	t.Helper()
	tail, err := a.log.Tail(t.Context(), store.Mark{}, func(store.Mark) bool { return false })
	require.NoError(t, err)
	require.Empty(t, tail.Commits)
}

// events reads all of a channel.
func (a *api) events(t *testing.T, ch event.Channel) []event.Event {
	t.Helper()
	pages, err := a.log.Ranges(t.Context(), []store.Range{{Channel: ch, Limit: 1000}})
	require.NoError(t, err)
	return pages[0].Events
}

const hello = `{"channels":["user:42"],"type":"comment","data":{"post":7}}`

func TestPublish(t *testing.T) {
	t.Parallel()
	a := newSQLiteAPI(t)
	w := a.publish(`{"channels":["user:42","user:43"],"type":"comment","data": {"big": 12345678901234567890.10, "s":"é\u00e9" } }`)
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
	require.JSONEq(t, `{"events":[{"channel":"user:42","seq":1},{"channel":"user:43","seq":1}]}`, w.Body.String())
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.Empty(t, w.Header().Get("Idempotent-Replayed"))

	w = a.publish(`{"type":"b","data":null,"channels":["user:42"],"expires_at":null,"collapse_key":null}`)
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
	require.JSONEq(t, `{"events":[{"channel":"user:42","seq":2}]}`, w.Body.String())

	events := a.events(t, "user:42")
	require.Len(t, events, 2)
	require.Equal(t, `{"big":12345678901234567890.10,"s":"é\u00e9"}`, string(events[0].Data), "as it was sent, numbers exact")
	require.Equal(t, "comment", events[0].Type)
	require.Equal(t, `null`, string(events[1].Data))
}

func TestPublishTakesAKeyOfItsNamespace(t *testing.T) {
	t.Parallel()
	a := newSQLiteAPI(t)
	w := a.publish(`{"channels":["topic:a/b"],"type":"x","data":1}`, "Authorization", "bearer topics", "Content-Type", "")
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
	w = a.publish(`{"channels":["topic:a/b"],"type":"x","data":1}`, "Authorization", "Bearer  topics", "Content-Type", "application/json; charset=utf-8")
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
	require.Len(t, a.events(t, "topic:a/b"), 2)
}

func TestOptionalMembersReachTheLog(t *testing.T) {
	t.Parallel()
	log := &fakeLog{}
	a := newAPI(t, log, &fakeBus{})
	w := a.publish(`{"channels":["user:1"],"type":"x","data":1,"collapse_key":"k","expires_at":"2031-02-03T04:05:06.789999+01:00"}`, "Idempotency-Key", "i 1")
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
	e := log.groups[0][0]
	require.Equal(t, "k", e.CollapseKey)
	require.Equal(t, "2031-02-03T03:05:06.789Z", e.ExpiresAt.Format("2006-01-02T15:04:05.999999999Z07:00"))
	require.Equal(t, "shop", e.Key.Service)
	require.Equal(t, "i 1", e.Key.Value)
}

func TestPurge(t *testing.T) {
	t.Parallel()
	a := newSQLiteAPI(t)
	bus := a.cfg.Bus.(*fakeBus)
	require.Equal(t, http.StatusCreated, a.publish(`{"channels":["user:a/b"],"type":"x","data":1}`).Code)
	requireProblem(t, a.do(http.MethodDelete, "/v1/channels/user:a%2Fb", ""), http.StatusForbidden)
	require.Len(t, a.events(t, "user:a/b"), 1)

	w := a.do(http.MethodDelete, "/v1/channels/user:a%2Fb", "", "Authorization", "Bearer admin")
	require.Equal(t, http.StatusNoContent, w.Code, w.Body)
	require.Empty(t, w.Body.String())
	require.Empty(t, a.events(t, "user:a/b"))
	heads, err := a.log.Heads(t.Context(), []event.Channel{"user:a/b"}, false)
	require.NoError(t, err)
	require.Contains(t, bus.messages, fanout.Message{Channel: "user:a/b", Epoch: heads.Epoch, Seq: 1}, "gateways are told to forget it")

	w = a.publish(`{"channels":["user:a/b"],"type":"x","data":1}`)
	require.JSONEq(t, `{"events":[{"channel":"user:a/b","seq":2}]}`, w.Body.String(), "seqs go on")

	w = a.do(http.MethodDelete, "/v1/channels/gone:1", "", "Authorization", "Bearer admin")
	require.Equal(t, http.StatusNoContent, w.Code, "neither a policy nor an event is needed")
	requireProblem(t, a.do(http.MethodDelete, "/v1/channels/User:1", "", "Authorization", "Bearer admin"), http.StatusUnprocessableEntity)
	requireProblem(t, a.do(http.MethodDelete, "/v1/channels/user:1", "", "Authorization", ""), http.StatusUnauthorized)
}

func TestOpenAPIDescribesTheBodies(t *testing.T) {
	t.Parallel()
	a := newSQLiteAPI(t)
	w := a.do(http.MethodGet, "/openapi.json", "")
	require.Equal(t, http.StatusOK, w.Code)
	var doc map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &doc))
	at := func(v any, path ...string) map[string]any {
		for _, p := range path {
			m, ok := v.(map[string]any)
			require.True(t, ok, p)
			v = m[p]
		}
		m, ok := v.(map[string]any)
		require.True(t, ok, path)
		return m
	}
	require.Contains(t, at(doc, "components", "securitySchemes"), securityScheme)
	schema := func(path string) map[string]any {
		content := at(doc, "paths", path, "post", "requestBody", "content")
		require.Len(t, content, 1)
		ref := fmt.Sprint(at(content, "application/json", "schema")["$ref"])
		return at(doc, "components", "schemas", strings.TrimPrefix(ref, "#/components/schemas/"), "properties")
	}
	batch := schema("/v1/events/batch")
	require.InDelta(t, MaxBatch, at(batch, "events")["maxItems"], 0)
	item := fmt.Sprint(at(batch, "events", "items")["$ref"])
	keyed := at(doc, "components", "schemas", strings.TrimPrefix(item, "#/components/schemas/"), "properties")
	require.InDelta(t, MaxIdempotencyKey, at(keyed, "idempotency_key")["maxLength"], 0)
	for _, properties := range []map[string]any{schema("/v1/events"), keyed} {
		require.ElementsMatch(t, eventMembers, slices.DeleteFunc(slices.Collect(maps.Keys(properties)), func(m string) bool {
			return m == "idempotency_key" || m == "$schema"
		}))
		require.InDelta(t, store.MaxChannels, at(properties, "channels")["maxItems"], 0)
		require.InDelta(t, MaxCollapseKey, at(properties, "collapse_key")["maxLength"], 0)
		types := regexp.MustCompile(fmt.Sprint(at(properties, "type")["pattern"]))
		require.Regexp(t, types, strings.Repeat("x", event.MaxType))
		require.NotRegexp(t, types, strings.Repeat("x", event.MaxType+1))
	}
}
