package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/gateway"
	"github.com/bellhop/bellhop/gateway/limit"
	"github.com/bellhop/bellhop/store"
)

var inboxRequests = []struct {
	method, path, body string
	changes            bool
}{
	{http.MethodGet, "/v1/inbox", "", false},
	{http.MethodGet, "/v1/inbox/unread", "", false},
	{http.MethodPost, "/v1/inbox/read", `{"up_to":1}`, true},
	{http.MethodPost, "/v1/inbox/unread", `{"seqs":[1]}`, true},
	{http.MethodGet, "/v1/inbox/preferences", "", false},
	{http.MethodPut, "/v1/inbox/preferences", `{"muted":["like"]}`, true},
	{http.MethodDelete, "/v1/inbox/1", "", true},
}

func TestInboxNeedsAToken(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.publish("user:mina", `1`)
	mina := token(t, "mina")
	for _, q := range inboxRequests {
		name := q.method + " " + q.path
		require.NotEmpty(t, problem(t, r.send(q.method, q.path, q.body), http.StatusUnauthorized)["detail"], name)
		problem(t, r.send(q.method, q.path, q.body, bearer("nonsense")), http.StatusUnauthorized)
		problem(t, r.send(q.method, q.path, q.body, cookie("nonsense"), header{"Origin", r.url}), http.StatusUnauthorized)
	}
	// A cookie alone is what any site's page could have a browser send.
	for _, q := range inboxRequests {
		for origin, same := range map[string]bool{"": false, "https://evil.example.com": false, "null": false, r.url: true, app: true} {
			headers := []header{cookie(mina)}
			if origin != "" {
				headers = append(headers, header{"Origin", origin})
			}
			resp := r.send(q.method, q.path, q.body, headers...)
			if q.changes && !same {
				problem(t, resp, http.StatusForbidden)
			} else {
				require.Less(t, resp.StatusCode, 300, "%s %s from %q", q.method, q.path, origin)
			}
		}
		require.Less(t, r.send(q.method, q.path, q.body, bearer(mina), header{"Origin", "https://evil.example.com"}).StatusCode, 300,
			"a bearer token comes from nobody but its owner")
	}
}

// TestInboxIsTheOneThatIsMeant: a page whose cookie another window's sign-in has
// replaced must not read, and least of all change, what is somebody else's.
func TestInboxIsTheOneThatIsMeant(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.publish("user:mina", `1`)
	for _, q := range inboxRequests {
		send := func(meant string) *http.Response {
			return r.send(q.method, q.path, q.body, cookie(token(t, "mina")), header{"Origin", r.url}, header{"Last-Event-ID", meant})
		}
		for meant, says := range map[string]string{
			"0@user:jonas": "another inbox", "5.e1@user:mina2": "another inbox", "1.e1@topic:news": "another inbox",
			"nonsense": "want seq.epoch@channel", "x.e1@user:mina": "does not say",
		} {
			require.Contains(t, problem(t, send(meant), http.StatusPreconditionFailed)["detail"], says, meant)
		}
		for _, meant := range []string{"0@user:mina", "7.e1@topic:news,1.e1@user:mina"} {
			require.Less(t, send(meant).StatusCode, 300, "%s %s of %s", q.method, q.path, meant)
		}
	}
}

func TestInboxRefusesWhatBreaksARule(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	mina := bearer(token(t, "mina"))
	thousand := strings.TrimSuffix(strings.Repeat("1,", 1000), ",")
	require.Equal(t, "0/0", r.ask(http.MethodPost, "/v1/inbox/read", `{"seqs":[`+thousand+`]}`, mina).String())
	for _, q := range []struct {
		method, path, body string
		status             int
	}{
		{http.MethodGet, "/v1/inbox?limit=0", "", 422},
		{http.MethodGet, "/v1/inbox?limit=101", "", 422},
		{http.MethodGet, "/v1/inbox?before=-1", "", 422},
		{http.MethodGet, "/v1/inbox?before=9223372036854775808", "", 422},
		{http.MethodGet, "/v1/inbox?unread=maybe", "", 422},
		{http.MethodPost, "/v1/inbox/read", `{}`, 422},
		{http.MethodPost, "/v1/inbox/read", `{"up_to":1,"seqs":[1]}`, 422},
		{http.MethodPost, "/v1/inbox/read", `{"up_to":-1}`, 422},
		{http.MethodPost, "/v1/inbox/read", `{"up_to":1.5}`, 422},
		{http.MethodPost, "/v1/inbox/read", `{"up_to":"1"}`, 422},
		{http.MethodPost, "/v1/inbox/read", `{"seqs":1}`, 422},
		{http.MethodPost, "/v1/inbox/read", `{"seqs":[` + thousand + `,1]}`, 422},
		{http.MethodPost, "/v1/inbox/read", `{"upto":1}`, 422},
		{http.MethodPost, "/v1/inbox/read", `{"up_to":`, 400},
		{http.MethodPost, "/v1/inbox/read", `{"seqs":[` + strings.Repeat("1,", 20_000) + `1]}`, 413},
		{http.MethodPost, "/v1/inbox/unread", `{}`, 422},
		{http.MethodPost, "/v1/inbox/unread", `{"seqs":[-1]}`, 422},
		{http.MethodPost, "/v1/inbox/unread", `{"seqs":[` + thousand + `,1]}`, 422},
		{http.MethodDelete, "/v1/inbox/one", "", 422},
		{http.MethodPut, "/v1/inbox/preferences", `{}`, 422},
		{http.MethodPut, "/v1/inbox/preferences", `{"muted":null}`, 422},
		{http.MethodPut, "/v1/inbox/preferences", `{"muted":["a","a"]}`, 422},
		{http.MethodPut, "/v1/inbox/preferences", `{"muted":["a,b"]}`, 422},
		{http.MethodPut, "/v1/inbox/preferences", `{"muted":["bellhop.read"]}`, 422},
		{http.MethodPut, "/v1/inbox/preferences", `{"muted":["` + strings.Repeat("a", 65) + `"]}`, 422},
		{http.MethodPut, "/v1/inbox/preferences", `{"muted":[` + strings.Repeat(`"a",`, 50) + `"b"]}`, 422},
		{http.MethodPut, "/v1/inbox/preferences", `{"muted":[` + strings.Repeat(`"a",`, 20_000) + `"b"]}`, 413},
	} {
		resp := r.send(q.method, q.path, q.body, mina)
		require.Equal(t, q.status, resp.StatusCode, "%s %s %.60s", q.method, q.path, q.body)
		problem(t, resp, q.status)
	}
}

func TestInboxWhileTheLogIsAway(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	mina := bearer(token(t, "mina"))
	r.publish("user:mina", `1`)
	r.log.fail(fmt.Errorf("read: %w", store.ErrUnavailable))
	for _, q := range inboxRequests {
		resp := r.send(q.method, q.path, q.body, mina)
		problem(t, resp, http.StatusServiceUnavailable)
		require.NotEmpty(t, resp.Header.Get("Retry-After"), q.path)
	}
	r.log.fail(nil)
	r.log.setStale()
	require.True(t, r.ask(http.MethodGet, "/v1/inbox", "", mina).Stale)
	require.True(t, r.ask(http.MethodGet, "/v1/inbox/unread", "", mina).Stale)
}

func TestInboxIsLimitedByAddress(t *testing.T) {
	t.Parallel()
	r := limitedRig(t, limit.Config{AddressRate: 1}, "127.0.0.0/8") // ten at once
	mina := []header{bearer(token(t, "mina")), client("203.0.113.9")}
	for _, q := range inboxRequests {
		var resp *http.Response
		for range 40 {
			if resp = r.send(q.method, q.path, q.body, mina...); resp.StatusCode == http.StatusTooManyRequests {
				break
			}
			require.NoError(t, resp.Body.Close())
		}
		require.NotEmpty(t, resp.Header.Get("Retry-After"), q.path)
		problem(t, resp, http.StatusTooManyRequests)
	}
}

func TestInboxNeedsAPolicyOfItsNamespace(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *gateway.Config) { c.Policies = auth.Policies{} })
	for _, q := range inboxRequests {
		problem(t, r.send(q.method, q.path, q.body, bearer(token(t, "mina"))), http.StatusForbidden)
	}
}
