package notifier

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
)

func TestBatchEventsFailByThemselves(t *testing.T) {
	t.Parallel()
	a := newSQLiteAPI(t)
	results := a.batch(t,
		`{"channels":["user:1"],"type":"a","data":1,"idempotency_key":"k1"}`,
		`{"channels":["user:1"],"type":"bellhop.a","data":1}`,
		`{"channels":["user:1"],"type":"b","data":1,"idempotency_key":"k1"}`,
		`{"channels":["topic:1"],"type":"c","data":1,"idempotency_key":null}`,
		`7`,
		`{"channels":["user:1"],"type":"d","data":1,"type":"e"}`,
		`{"channels":["user:1"],"type":"f","data":`+text(event.MaxLineData+1)+`}`,
		`{"channels":["user:1","user:2"],"type":"g","data":1}`,
		`{"channels":["user:1"],"type":"h","data":1,"idempotency_key":""}`,
	)
	for i, status := range []int{201, 422, 422, 201, 422, 400, 413, 201, 422} {
		require.InDelta(t, status, results[i]["status"], 0, "%d: %v", i, results[i])
		if status == http.StatusCreated {
			require.NotContains(t, results[i], "error")
			continue
		}
		require.NotContains(t, results[i], "events")
		problem, ok := results[i]["error"].(map[string]any)
		require.True(t, ok)
		require.InDelta(t, status, problem["status"], 0)
		require.NotEmpty(t, problem["title"])
	}
	require.Contains(t, fmt.Sprint(results[2]["error"]), "body.events[2].idempotency_key")
	require.Equal(t, []any{
		map[string]any{"channel": "user:1", "seq": 2.0},
		map[string]any{"channel": "user:2", "seq": 1.0},
	}, results[7]["events"])

	results = a.batch(t,
		`{"channels":["user:1"],"type":"a","data":1,"idempotency_key":"k1"}`,
		`{"channels":["user:1"],"type":"z","data":1,"idempotency_key":"k2"}`,
	)
	require.Equal(t, true, results[0]["replayed"])
	require.NotContains(t, results[1], "replayed")
	require.Len(t, a.events(t, "user:1"), 3)
}

func TestBatchKeepsTheOrderOfAChannel(t *testing.T) {
	t.Parallel()
	a := newSQLiteAPI(t, func(c *Config) { c.Batchers = 4 })
	events := make([]string, MaxBatch)
	for i := range events {
		events[i] = fmt.Sprintf(`{"channels":["user:%d"],"type":"n","data":%d}`, i%7, i)
	}
	for i, r := range a.batch(t, events...) {
		require.InDelta(t, 201, r["status"], 0)
		require.Equal(t, []any{map[string]any{"channel": fmt.Sprintf("user:%d", i%7), "seq": float64(i/7 + 1)}}, r["events"])
	}
}

func TestBatchIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	a := newSQLiteAPI(t)
	small := withData("1")
	thousand := withChannels(channels(1000))
	large := `{"channels":` + channels(65) + `,"type":"x","data":` + text(event.MaxLineData) + `}`
	list := func(n int, e string) string {
		return `{"events":[` + strings.TrimSuffix(strings.Repeat(e+",", n), ",") + `]}`
	}
	for name, c := range map[string]struct {
		body   string
		header []string
		status int
	}{
		"malformed":        {`{"events":[`, nil, 400},
		"name twice":       {`{"events":[],"events":[]}`, nil, 400},
		"a bare list":      {"[" + small + "]", nil, 422},
		"no events":        {`{}`, nil, 422},
		"events are null":  {`{"events":null}`, nil, 422},
		"empty":            {`{"events":[]}`, nil, 422},
		"501":              {list(501, small), nil, 422},
		"unknown member":   {`{"events":[` + small + `],"atomic":true}`, nil, 422},
		"key in the head":  {list(1, small), []string{"Idempotency-Key", "k"}, 422},
		"5001 appends":     {strings.TrimSuffix(list(5, thousand), "]}") + "," + small + "]}", nil, 413},
		"8 MiB and more":   {strings.TrimSuffix(list(2, large), "]}") + "," + small + "]}", nil, 413},
		"body too large":   {list(1, small) + strings.Repeat(" ", maxBatchBody), nil, 413},
		"no service key":   {list(1, small), []string{"Authorization", ""}, 401},
		"compressed":       {list(1, small), []string{"Content-Encoding", "br"}, 415},
		"another language": {list(1, small), []string{"Content-Type", "application/x-ndjson"}, 415},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireProblem(t, a.do(http.MethodPost, "/v1/events/batch", c.body, c.header...), c.status)
			a.requireNothingWritten(t)
		})
	}
}

func TestBatchAtItsLimits(t *testing.T) {
	t.Parallel()
	a := newAPI(t, &fakeLog{}, &fakeBus{})
	thousand := withChannels(channels(1000))
	for _, r := range a.batch(t, thousand, thousand, thousand, thousand, thousand) {
		require.InDelta(t, 201, r["status"], 0)
	}
	large := `{"channels":` + channels(64) + `,"type":"x","data":` + text(event.MaxLineData) + `}`
	for _, r := range a.batch(t, large, large) {
		require.InDelta(t, 201, r["status"], 0)
	}
}

func TestOnline(t *testing.T) {
	t.Parallel()
	bus := &fakeBus{on: func(_ context.Context, m []fanout.Message) ([]int, error) {
		receivers := make([]int, len(m))
		for i := range m {
			receivers[i] = map[string]int{"1": 2, "2": 0, "3": -1}[m[i].Channel.Key()]
		}
		return receivers, nil
	}}
	a := newAPI(t, &fakeLog{}, bus)
	const body = `{"channels":["user:1","user:2","user:3"],"type":"x","data":1}`
	w := a.do(http.MethodPost, "/v1/events?online=true", body)
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
	require.JSONEq(t, `{"events":[{"channel":"user:1","seq":1,"online":true},{"channel":"user:2","seq":1,"online":false},{"channel":"user:3","seq":1}]}`, w.Body.String())

	w = a.publish(body)
	require.NotContains(t, w.Body.String(), "online")

	w = a.do(http.MethodPost, "/v1/events/batch?online=true", `{"events":[`+withData("1")+`]}`)
	require.Contains(t, w.Body.String(), `"online":true`)

	requireProblem(t, a.do(http.MethodPost, "/v1/events?online=perhaps", body), http.StatusUnprocessableEntity)
}

// An answer waits for a dead bus no longer than 250 ms, a batch not for each of
// its events, and an answer that did not ask not at all.
func TestOnlineIsLeftOutInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := &fakeBus{on: func(ctx context.Context, _ []fanout.Message) ([]int, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		a := newAPI(t, &fakeLog{}, bus)
		began := time.Now()
		require.Equal(t, http.StatusCreated, a.publish(hello).Code)
		require.Zero(t, time.Since(began))

		w := a.do(http.MethodPost, "/v1/events?online=true", hello)
		require.Equal(t, http.StatusCreated, w.Code)
		require.NotContains(t, w.Body.String(), "online")
		require.Equal(t, onlineWait, time.Since(began))

		began = time.Now()
		w = a.do(http.MethodPost, "/v1/events/batch?online=true", `{"events":[`+hello+`,`+hello+`,`+hello+`]}`)
		require.Equal(t, http.StatusOK, w.Code)
		require.NotContains(t, w.Body.String(), "online")
		require.Equal(t, onlineWait, time.Since(began))
	})
}

// A publisher who leaves does not take the event along.
func TestRequestIsCarriedOutWithoutItsClient(t *testing.T) {
	t.Parallel()
	log, letGo := holding()
	a := newAPI(t, log, &fakeBus{})
	ctx, leave := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/events", strings.NewReader(hello))
	r.Header.Set("Authorization", "Bearer all")
	answer := make(chan *httptest.ResponseRecorder)
	go func() {
		w := httptest.NewRecorder()
		a.handler.ServeHTTP(w, r)
		answer <- w
	}()
	submitted := func() bool {
		log.mu.Lock()
		defer log.mu.Unlock()
		return log.calls > 0
	}
	require.Eventually(t, submitted, waitFor, tick)
	leave()
	p := requireProblem(t, <-answer, http.StatusServiceUnavailable)
	require.NotContains(t, p, "written")
	letGo()
	require.Eventually(t, func() bool { return len(log.types()) == 1 }, waitFor, tick)
	require.Equal(t, [][]string{{"comment"}}, log.types())
}
