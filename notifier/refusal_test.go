package notifier

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// channels is a JSON list of n names.
func channels(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf(`"user:%d"`, i)
	}
	return "[" + strings.Join(names, ",") + "]"
}

// text is a JSON string of n bytes, quotes included.
func text(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }

func withChannels(list string) string {
	return `{"channels":` + list + `,"type":"x","data":1}`
}

func withData(data string) string {
	return `{"channels":["user:1"],"type":"x","data":` + data + `}`
}

func withMember(member string) string {
	return `{"channels":["user:1"],"type":"x","data":1,` + member + `}`
}

// Every refusal of a single event is a problem, and writes nothing.
func TestRefusals(t *testing.T) {
	t.Parallel()
	a := newSQLiteAPI(t)
	for name, c := range map[string]struct {
		body   string
		header []string
		status int
		says   string
	}{
		"no key":                {hello, []string{"Authorization", ""}, 401, "service key"},
		"unknown key":           {hello, []string{"Authorization", "Bearer wrong"}, 401, "service key"},
		"another scheme":        {hello, []string{"Authorization", "Basic all"}, 401, "service key"},
		"no scheme":             {hello, []string{"Authorization", "all"}, 401, "service key"},
		"key before body":       {"{", []string{"Authorization", "Bearer wrong"}, 401, "service key"},
		"other namespace":       {hello, []string{"Authorization", "Bearer topics"}, 403, `\"user\"`},
		"admin alone":           {hello, []string{"Authorization", "Bearer admin"}, 403, `\"user\"`},
		"one of several":        {withChannels(`["topic:1","user:1"]`), []string{"Authorization", "Bearer topics"}, 403, `\"user\"`},
		"compressed":            {hello, []string{"Content-Encoding", "gzip"}, 415, "encoded"},
		"a form":                {hello, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "application/json"},
		"broken type":           {hello, []string{"Content-Type", ";"}, 415, "application/json"},
		"no body":               {"", nil, 400, "body is required"},
		"blank body":            {" \n", nil, 400, "malformed JSON"},
		"cut short":             {hello[:20], nil, 400, "malformed JSON"},
		"trailing text":         {hello + "x", nil, 400, "malformed JSON"},
		"second value":          {hello + hello, nil, 400, "malformed JSON"},
		"trailing comma":        {`{"channels":["user:1"],"type":"x","data":1,}`, nil, 400, "malformed JSON"},
		"not UTF-8":             {withData("\"\xff\""), nil, 400, "UTF-8"},
		"a mark of byte order":  {"\ufeff" + hello, nil, 400, "malformed JSON"},
		"name twice":            {withMember(`"data":2`), nil, 400, `\"data\" occurs twice`},
		"name twice, escaped":   {withMember(`"d\u0061ta":2`), nil, 400, `\"data\" occurs twice`},
		"deep nesting":          {withData(strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001)), nil, 400, "malformed JSON"},
		"NaN":                   {withData("NaN"), nil, 400, "malformed JSON"},
		"a list":                {"[]", nil, 422, "want an object"},
		"a number":              {"1", nil, 422, "want an object"},
		"null":                  {"null", nil, 422, "want an object"},
		"empty object":          {"{}", nil, 422, "body.channels"},
		"unknown member":        {withMember(`"datas":2`), nil, 422, "body.datas"},
		"other case":            {withMember(`"Data":2`), nil, 422, "body.Data"},
		"key in the body":       {withMember(`"idempotency_key":"k"`), nil, 422, "body.idempotency_key"},
		"no channels":           {`{"type":"x","data":1}`, nil, 422, "1 to 1000 channels"},
		"channels are null":     {withChannels("null"), nil, 422, "1 to 1000 channels"},
		"empty channels":        {withChannels("[]"), nil, 422, "1 to 1000 channels"},
		"one channel, bare":     {withChannels(`"user:1"`), nil, 422, "1 to 1000 channels"},
		"1001 channels":         {withChannels(channels(1001)), nil, 422, "1 to 1000 channels"},
		"a channel's number":    {withChannels(`["user:1",2]`), nil, 422, "body.channels[1]"},
		"a bad channel":         {withChannels(`["user:1","user: 2"]`), nil, 422, "body.channels[1]"},
		"a channel twice":       {withChannels(`["user:1","user:1"]`), nil, 422, "named twice"},
		"unknown namespace":     {withChannels(`["nowhere:1"]`), nil, 422, `no namespace \"nowhere\"`},
		"mixed logs":            {withChannels(`["user:1","topic:1"]`), nil, 422, "must not be mixed"},
		"two Redis channels":    {withChannels(`["topic:1","topic:2"]`), nil, 422, "exactly one channel"},
		"no type":               {`{"channels":["user:1"],"data":1}`, nil, 422, "body.type"},
		"type is a number":      {`{"channels":["user:1"],"type":1,"data":1}`, nil, 422, "body.type"},
		"type with a blank":     {`{"channels":["user:1"],"type":"a b","data":1}`, nil, 422, "not allowed"},
		"type with a break":     {`{"channels":["user:1"],"type":"a\nid: 1","data":1}`, nil, 422, "not allowed"},
		"type too long":         {`{"channels":["user:1"],"type":` + text(67) + `,"data":1}`, nil, 422, "body.type"},
		"reserved type":         {`{"channels":["user:1"],"type":"bellhop.reset","data":1}`, nil, 422, "reserved"},
		"no data":               {`{"channels":["user:1"],"type":"x"}`, nil, 422, "body.data"},
		"data too large":        {withData(text(event.MaxLineData + 1)), nil, 413, "too large"},
		"body too large":        {withData("1" + strings.Repeat(" ", 2<<20)), nil, 413, "too large"},
		"8 MiB together":        {`{"channels":` + channels(130) + `,"type":"x","data":` + text(event.MaxLineData) + `}`, nil, 413, "too much data"},
		"expiry is no time":     {withMember(`"expires_at":"tomorrow"`), nil, 422, "body.expires_at"},
		"expiry is a number":    {withMember(`"expires_at":1767225600`), nil, 422, "body.expires_at"},
		"expiry in antiquity":   {withMember(`"expires_at":"0001-01-01T00:00:00Z"`), nil, 422, "body.expires_at"},
		"empty collapse key":    {withMember(`"collapse_key":""`), nil, 422, "body.collapse_key"},
		"collapse key list":     {withMember(`"collapse_key":[]`), nil, 422, "body.collapse_key"},
		"long collapse key":     {withMember(`"collapse_key":` + text(131)), nil, 422, "body.collapse_key"},
		"collapse key, 2 lines": {withMember(`"collapse_key":"a\nb"`), nil, 422, "body.collapse_key"},
		"collapse key, umlaut":  {withMember(`"collapse_key":"ä"`), nil, 422, "body.collapse_key"},
		"past expiry":           {withMember(`"expires_at":"1970-01-01T00:00:00Z"`), nil, 422, "body.expires_at"},
		"long key":              {hello, []string{"Idempotency-Key", strings.Repeat("k", 256)}, 422, "255 printable"},
		"key not ASCII":         {hello, []string{"Idempotency-Key", "ké"}, 422, "255 printable"},
		"key with a tab":        {hello, []string{"Idempotency-Key", "a\tb"}, 422, "255 printable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := a.publish(c.body, c.header...)
			requireProblem(t, w, c.status)
			require.Contains(t, w.Body.String(), c.says)
			if c.status == http.StatusUnauthorized {
				require.Equal(t, "Bearer", w.Header().Get("WWW-Authenticate"))
			}
			a.requireNothingWritten(t)
		})
	}
}

// What is just inside a limit is taken.
func TestLimitsAreInclusive(t *testing.T) {
	t.Parallel()
	a := newAPI(t, &fakeLog{}, &fakeBus{})
	for name, body := range map[string]string{
		"1000 channels":     withChannels(channels(1000)),
		"all of a line":     withData(text(event.MaxLineData)),
		"white space":       withData("[" + strings.Repeat(" ", 80<<10) + "]"),
		"8 MiB together":    `{"channels":` + channels(129) + `,"type":"x","data":` + text(event.MaxLineData) + `}`,
		"type of 64":        `{"channels":["user:1"],"type":` + text(66) + `,"data":1}`,
		"collapse key":      withMember(`"collapse_key":` + text(130)),
		"repeated too late": withMember(`"expires_at":"1970-01-01T00:00:00Z"`), // it has a key: the first try may have been in time
		"an expiry to come": withMember(`"expires_at":"9998-01-01T00:00:00Z"`),
		"nesting":           withData(strings.Repeat("[", 5000) + strings.Repeat("]", 5000)),
		"names in the data": withData(`{"a":1,"a":2}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := a.publish(body, "Idempotency-Key", strings.Repeat("k", 244)+fmt.Sprintf("%11.11s", name))
			require.Equal(t, http.StatusCreated, w.Code, w.Body)
		})
	}
}

// What passes the limits fits the log as well, statement sizes included.
func TestLargestEventFitsEveryLog(t *testing.T) {
	t.Parallel()
	body := `{"channels":` + channels(129) + `,"type":"x","data":` + text(event.MaxLineData) + `}`
	for name, open := range everyLog() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := open(t)
			// A machine that is busy may need more than one try for 8 MiB; the key
			// makes that one event all the same.
			require.Eventually(t, func() bool {
				return a.publish(body, "Idempotency-Key", "k").Code == http.StatusCreated
			}, 6*waitFor, tick)
			require.Len(t, a.events(t, "user:127"), 1)
		})
	}
}

func TestTwoKeysAreNone(t *testing.T) {
	t.Parallel()
	a := newSQLiteAPI(t)
	for _, keys := range [][]string{{""}, {"a", "b"}, {"a", "a"}} {
		r := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(hello))
		r.Header.Set("Authorization", "Bearer all")
		r.Header["Idempotency-Key"] = keys
		w := httptest.NewRecorder()
		a.handler.ServeHTTP(w, r)
		requireProblem(t, w, http.StatusUnprocessableEntity)
	}
	a.requireNothingWritten(t)
}

func TestListOfBrokenRulesIsBounded(t *testing.T) {
	t.Parallel()
	a := newSQLiteAPI(t)
	p := requireProblem(t, a.publish(withChannels("["+strings.Repeat("1,", 999)+"1]")), http.StatusUnprocessableEntity)
	require.Len(t, p["errors"], maxFieldErrors)
}

// A publisher learns whether to repeat, and whether something may be written.
func TestFailuresOfTheLog(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err     error
		status  int
		written any
	}{
		"away":         {errAway, 503, false},
		"nobody knows": {errLost, 503, nil},
		"its own":      {errBad, 500, false},
		"unheard of":   {errors.New("what is this"), 503, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAPI(t, &fakeLog{before: func([]store.Entry) error { return c.err }}, &fakeBus{})
			w := a.publish(hello)
			p := requireProblem(t, w, c.status)
			require.Equal(t, c.written, p["written"])
			if c.status == http.StatusServiceUnavailable {
				require.NotEmpty(t, w.Header().Get("Retry-After"))
			}
			require.NotContains(t, w.Body.String(), c.err.Error(), "causes are for the log file")
		})
	}
}

func TestFullQueueIs503(t *testing.T) {
	t.Parallel()
	log, letGo := holding()
	a := newAPI(t, log, &fakeBus{}, func(c *Config) { c.QueueRows = 1 })
	t.Cleanup(letGo)
	first, second := testJob("user:1", "a"), testJob("user:1", "b")
	submit(t, a.Notifier, first)
	require.Eventually(t, func() bool { return a.batcher.queue.depth() == 0 }, waitFor, tick)
	submit(t, a.Notifier, second)
	w := a.publish(hello)
	p := requireProblem(t, w, http.StatusServiceUnavailable)
	require.Equal(t, false, p["written"])
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	results := a.batch(t, hello)
	require.InDelta(t, 503, results[0]["status"], 0)
}

func TestStoppedNotifierIs503(t *testing.T) {
	t.Parallel()
	a := newAPI(t, &fakeLog{}, &fakeBus{})
	a.Stop()
	p := requireProblem(t, a.publish(hello), http.StatusServiceUnavailable)
	require.Equal(t, false, p["written"])
}

// Of what administrators ask for a part may be done when the log goes away.
func TestAdministrationOfALogThatIsAway(t *testing.T) {
	t.Parallel()
	a := newAPI(t, awayLog{&fakeLog{}}, &fakeBus{})
	for _, w := range []*httptest.ResponseRecorder{
		a.do(http.MethodDelete, "/v1/channels/user:1", "", "Authorization", "Bearer admin"),
		a.do(http.MethodPost, "/v1/admin/disconnect", `{"user":"1"}`, "Authorization", "Bearer admin"),
	} {
		require.NotContains(t, requireProblem(t, w, http.StatusServiceUnavailable), "written")
		require.NotEmpty(t, w.Header().Get("Retry-After"))
	}
}

// A purge that was done is a success, whether or not gateways can be told.
func TestPurgeThatIsNotAnnounced(t *testing.T) {
	t.Parallel()
	bus := &fakeBus{}
	a := newAPI(t, &fakeLog{}, bus)
	w := a.do(http.MethodDelete, "/v1/channels/user:1", "", "Authorization", "Bearer admin")
	require.Equal(t, http.StatusNoContent, w.Code, w.Body)
	require.Empty(t, bus.messages)
}

// awayLog is a log that can't purge or revoke.
type awayLog struct{ *fakeLog }

func (awayLog) Purge(context.Context, event.Channel) error { return errAway }

func (awayLog) Revoke(context.Context, event.Channel) error { return errAway }

// TestUnknownParametersWriteNothing: "onlin" asks for something, and its sender
// would wait for an answer that never has it.
func TestUnknownParametersWriteNothing(t *testing.T) {
	t.Parallel()
	a := newSQLiteAPI(t)
	for target, says := range map[string]string{
		"/v1/events?onlin=true": "did you mean online?", "/v1/events/batch?online=true;": "not well encoded",
		"/v1/events?online=true&online=false": "online is given twice", "/v1/admin/disconnect?user=42": "takes no parameters",
	} {
		require.Contains(t, requireProblem(t, a.do(http.MethodPost, target, "{}"), http.StatusBadRequest)["detail"], says, target)
	}
	requireProblem(t, a.do(http.MethodDelete, "/v1/channels/topic:a?dry=1", ""), http.StatusBadRequest)
	a.requireNothingWritten(t)
}
