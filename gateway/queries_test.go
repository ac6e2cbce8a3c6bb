package gateway_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway"
)

// TestQueriesThatNobodyUnderstandsAreRefused: a call that passes over a part of its
// query does something else than it was asked for.
func TestQueriesThatNobodyUnderstandsAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	mina := bearer(token(t, "mina"))
	for _, tc := range []struct{ method, path, says string }{
		{"GET", "/v1/inbox?before=1;DROP", "not well encoded"},
		{"GET", "/v1/inbox?before=%zz", "not well encoded"},
		{"GET", "/v1/inbox?before=%4", "not well encoded"},
		{"GET", "/v1/inbox?befor=1", "did you mean before?"},
		{"GET", "/v1/inbox?Limit=1", "did you mean limit?"},
		{"GET", "/v1/inbox?limit=1&limit=2", "limit is given twice"},
		{"GET", "/v1/inbox?zzz=1", "known are archived, before, limit, type, unread"},
		{"GET", "/v1/inbox/unread?limit=1", "this call takes no parameters"},
		{"POST", "/v1/inbox/read?up_to=1", "this call takes no parameters"},
		{"DELETE", "/v1/inbox/1?force=true", "this call takes no parameters"},
		{"POST", "/v1/session?token=x", "this call takes no parameters"},
		{"DELETE", "/v1/session?a=b;c", "not well encoded"},
		{"GET", "/v1/channels/topic:a/events?since=1", "known are after, limit"},
		{"GET", "/v1/stream?channels=topic:a", "did you mean channel?"},
		{"GET", "/v1/stream?channel=topic:a&last-event-id=0", "did you mean lastEventId?"},
		{"GET", "/v1/stream?channel[]=topic:a&channel[]=topic:b", "channel[]: write channel, once for each value"},
		{"GET", "/v1/stream?channel%5B0%5D=topic:a", "channel[0]: write channel, once for each value"},
		{"GET", "/v1/stream?channel=topic:a,topic:b", "write channel once for each"},
		{"GET", "/v1/stream?channel=topic:a&_=1234", "there is no such parameter"},
		{"GET", "/v1/stream?channel=topic:a&heartbeat=event&x;y", "not well encoded"},
		{"GET", "/v1/stream?channel=topic:a&access_token=" + token(t, "mina"), "access_token: there is no such parameter"},
		{"GET", "/v1/channels/topic:a/events?access_token=x", "access_token: there is no such parameter"},
		{"GET", "/v1/inbox?" + token(t, "mina"), "a name that is not known"},
	} {
		p := problem(t, r.do(tc.method, tc.path, mina), http.StatusBadRequest)
		require.Contains(t, p["detail"], tc.says, "%s %s", tc.method, tc.path)
	}

	enabled := newRig(t, func(c *gateway.Config) { c.AccessTokenQuery = true })
	for _, path := range []string{"/v1/inbox", "/v1/inbox/unread", "/v1/channels/user:mina/events"} {
		require.Equal(t, http.StatusOK, enabled.get(path+"?access_token="+token(t, "mina")).StatusCode, path)
	}
	p := problem(t, enabled.get("/v1/stream?access-token=x"), http.StatusBadRequest)
	require.Contains(t, p["detail"], "did you mean access_token?")
	problem(t, enabled.do(http.MethodPost, "/v1/session?access_token=x"), http.StatusBadRequest)
}
