package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway"
	"github.com/bellhop/bellhop/store"
)

// Every refusal of the stream and of the history, each a problem that a page of
// an allowed origin may read.
func TestRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	mina := bearer(token(t, "mina", "room:eu-*"))
	expired := tokenUntil(t, "mina", time.Now().Add(-time.Second))
	const (
		stream  = "/v1/stream"
		history = "/v1/channels/"
	)
	for name, tc := range map[string]struct {
		path    string
		headers []header
		status  int
		counted string // the label of the refusal of a stream
	}{
		"bad encoding":                 {stream + "?channel=topic:%zz", nil, 400, "malformed"},
		"semicolon":                    {stream + "?channel=topic:a;b", nil, 400, "malformed"},
		"channel without a key":        {stream + "?channel=topic", nil, 400, "malformed"},
		"channel with a bad character": {stream + "?channel=topic:a,b", nil, 400, "malformed"},
		"empty channel":                {stream + "?channel=", nil, 400, "malformed"},
		"sixteen channels":             {stream + "?" + topics(16), nil, 400, "malformed"},
		"inbox=no":                     {stream + "?inbox=no", []header{mina}, 400, "malformed"},
		"inbox twice":                  {stream + "?inbox=true&inbox=false", []header{mina}, 400, "malformed"},
		"events=all":                   {stream + "?channel=topic:a&events=all", nil, 400, "malformed"},
		"reset=all":                    {stream + "?channel=topic:a&reset=all", nil, 400, "malformed"},
		"heartbeat=comment":            {stream + "?channel=topic:a&heartbeat=comment", nil, 400, "malformed"},
		"cursor in lastEventId":        {stream + "?channel=topic:a&lastEventId=x", nil, 400, "malformed"},
		"cursor in last_event_id":      {stream + "?channel=topic:a&last_event_id=1@topic:a", nil, 400, "malformed"},
		"no channel at all":            {stream + "?inbox=false", []header{mina}, 400, "malformed"},

		"accepts JSON only":         {stream + "?channel=topic:a", []header{{"Accept", "application/json"}}, 406, "not_acceptable"},
		"excludes the event stream": {stream + "?channel=topic:a", []header{{"Accept", "*/*, text/event-stream;q=0"}}, 406, "not_acceptable"},

		"anonymous, no channel":            {stream, nil, 401, "unauthorized"},
		"anonymous, inbox=false":           {stream + "?inbox=false", nil, 401, "unauthorized"},
		"anonymous, inbox=true":            {stream + "?inbox=true&channel=topic:a", nil, 401, "unauthorized"},
		"anonymous, room":                  {stream + "?channel=topic:a&channel=room:1", nil, 401, "unauthorized"},
		"anonymous, somebody's inbox":      {stream + "?channel=user:mina", nil, 401, "unauthorized"},
		"anonymous, unknown namespace":     {stream + "?channel=unknown:1", nil, 401, "unauthorized"},
		"bad token, public channel":        {stream + "?channel=topic:a", []header{bearer("x.y.z")}, 401, "unauthorized"},
		"expired token":                    {stream, []header{bearer(expired)}, 401, "unauthorized"},
		"empty token":                      {stream + "?channel=topic:a", []header{{"Authorization", "Bearer"}}, 401, "unauthorized"},
		"another scheme, inbox":            {stream, []header{{"Authorization", "Basic bTpt"}}, 401, "unauthorized"},
		"a scheme like it":                 {stream, []header{{"Authorization", "bearerx " + token(t, "mina")}}, 401, "unauthorized"},
		"bad token, good cookie":           {stream, []header{bearer("x.y.z"), cookie(token(t, "mina"))}, 401, "unauthorized"},
		"bad cookie, inbox":                {stream, []header{cookie("x.y.z")}, 401, "unauthorized"},
		"bad cookie, room":                 {stream + "?channel=room:1", []header{cookie(expired)}, 401, "unauthorized"},
		"bad cookie, public, inbox=true":   {stream + "?channel=topic:a&inbox=true", []header{cookie("x")}, 401, "unauthorized"},
		"access_token that is not enabled": {stream + "?access_token=" + token(t, "mina"), nil, 400, "malformed"},

		"somebody else's inbox":  {stream + "?channel=user:tom", []header{mina}, 403, "forbidden"},
		"no member of the room":  {stream + "?channel=room:us-1", []header{mina}, 403, "forbidden"},
		"unknown namespace":      {stream + "?channel=unknown:1", []header{mina}, 403, "forbidden"},
		"one of many":            {stream + "?channel=topic:a&channel=room:eu-1&channel=room:us-1", []header{mina}, 403, "forbidden"},
		"forbidden, by a cookie": {stream + "?channel=user:tom", []header{cookie(token(t, "mina"))}, 403, "forbidden"},

		"history: limit":                        {history + "topic:a/events?limit=1001", nil, 422, ""},
		"history: limit 0":                      {history + "topic:a/events?limit=0", nil, 422, ""},
		"history: limit is a word":              {history + "topic:a/events?limit=all", nil, 422, ""},
		"history: after is negative":            {history + "topic:a/events?after=-1", nil, 422, ""},
		"history: after is out of range":        {history + "topic:a/events?after=9223372036854775808", nil, 422, ""},
		"history: bad channel":                  {history + "topic/events", nil, 422, ""},
		"history: anonymous, room":              {history + "room:1/events", nil, 401, ""},
		"history: anonymous, unknown namespace": {history + "unknown:1/events", nil, 401, ""},
		"history: bad token":                    {history + "topic:a/events", []header{bearer("x")}, 401, ""},
		"history: bad cookie":                   {history + "user:mina/events", []header{cookie("x")}, 401, ""},
		"history: somebody else's inbox":        {history + "user:tom/events", []header{mina}, 403, ""},
		"history: unknown namespace":            {history + "unknown:1/events", []header{mina}, 403, ""},
		"unknown path":                          {"/v1/nothing", nil, 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := r.on(t)
			before := max(0, r.counted("bellhop_streams_refused_total", tc.counted))
			resp := r.get(tc.path, append(tc.headers, header{"Origin", app})...)
			p := problem(t, resp, tc.status)
			require.Equal(t, app, resp.Header.Get("Access-Control-Allow-Origin"))
			require.Equal(t, "true", resp.Header.Get("Access-Control-Allow-Credentials"))
			require.Empty(t, resp.Header.Get("Set-Cookie"))
			if tc.status == http.StatusUnauthorized {
				require.True(t, strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Bearer"))
			}
			if tc.counted != "" {
				require.NotEmpty(t, p["detail"])
				require.Equal(t, before+1, r.counted("bellhop_streams_refused_total", tc.counted))
			}
		})
	}
	t.Run("stream: POST", func(t *testing.T) {
		r := r.on(t)
		problem(t, r.do(http.MethodPost, stream), http.StatusMethodNotAllowed)
	})
	t.Run("history: the log is away", func(t *testing.T) {
		r := r.on(t)
		defer r.log.fail(nil)
		for _, err := range []error{store.ErrUnavailable, context.DeadlineExceeded} {
			r.log.fail(fmt.Errorf("read heads: %w", err))
			resp := r.get(history + "topic:a/events")
			p := problem(t, resp, http.StatusServiceUnavailable)
			require.NotEmpty(t, resp.Header.Get("Retry-After"))
			require.NotContains(t, p["detail"], err.Error())
		}
	})
	t.Run("history: the log is broken", func(t *testing.T) {
		r := r.on(t)
		defer r.log.fail(nil)
		r.log.fail(errors.New("a row of letters and not of numbers"))
		require.NotContains(t, problem(t, r.get(history+"topic:a/events"), http.StatusInternalServerError), "detail")
	})
	require.Zero(t, r.openStreams())
}

func TestNoVerifierMeansAnonymousOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *gateway.Config) { c.Verifier = nil })
	problem(t, r.get("/v1/stream", bearer(token(t, "mina"))), http.StatusUnauthorized)
	r.stream("/v1/stream?channel=topic:a").greeted().leave()
}

func documentOf(t *testing.T, r *rig) string {
	t.Helper()
	body, err := io.ReadAll(r.get("/openapi.json").Body)
	require.NoError(t, err)
	return string(body)
}

func TestAccessTokenWhereEnabled(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *gateway.Config) { c.AccessTokenQuery = true })
	r.stream("/v1/stream?access_token=" + token(t, "mina")).greeted().leave()
	require.Empty(t, r.list("/v1/channels/user:mina/events?access_token="+token(t, "mina")).Events)
	require.Contains(t, documentOf(t, r), `"name":"access_token"`)
	require.NotContains(t, documentOf(t, newRig(t, nil)), "access_token")
	problem(t, r.get("/v1/stream?channel=topic:a&access_token=x"), http.StatusUnauthorized)
	// The header comes first.
	problem(t, r.get("/v1/stream?access_token="+token(t, "mina"), bearer("x")), http.StatusUnauthorized)
}

func TestAcceptAdmitsTheStream(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for _, accept := range []string{
		"text/event-stream", "*/*", "text/*", "application/json, text/event-stream;q=0.1", "TEXT/EVENT-STREAM",
		"text/*;q=0, text/event-stream", "text/event-stream;q=x", ";;;",
	} {
		r.stream("/v1/stream?channel=topic:a", header{"Accept", accept}).greeted().leave()
	}
}
