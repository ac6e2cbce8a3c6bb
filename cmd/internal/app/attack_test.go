package app

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
)

const attackKey = "0123456789abcdef0123456789abcdef"

// fortress is a bellhop with keys, two services, and somebody's token.
func fortress(t *testing.T) (h *hotel, person string) {
	t.Helper()
	h = startBellhop(t, "--sqlite="+freshDB(t), "--jwt-secret="+attackKey, "--access-token-query=on",
		"--service-keys=forum=fedcba9876543210,shop=0f1e2d3c4b5a6978")
	eventuallyReady(t, h.Service)
	person, err := auth.SignToken(attackKey, auth.Claims{Subject: "mina", IssuedAt: time.Now(), Expires: time.Now().Add(time.Hour)})
	require.NoError(t, err)
	return h, person
}

// raw sends bytes as they are and returns the answer.
func raw(t *testing.T, h *hotel, request string) *http.Response {
	t.Helper()
	c, err := net.Dial("tcp", h.public.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	// A server that refuses early may close before it read all.
	_, _ = io.WriteString(c, request)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	return resp
}

func publishAs(t *testing.T, h *hotel, key, body string, header ...string) (int, string) {
	t.Helper()
	return post(t, h.URL()+"/v1/events", body, append([]string{"Authorization", "Bearer " + key}, header...)...)
}

// TestAttackLineBreaks: no header and no parameter makes a line of its own in an
// answer, neither in its head nor in a stream.
func TestAttackLineBreaks(t *testing.T) {
	t.Parallel()
	h, person := fortress(t)
	const evil = "%0d%0aSet-Cookie:%20evil=1%0d%0a%0d%0aevent:%20evil"
	for _, target := range []string{
		"/v1/stream?channel=topic:a" + evil, "/v1/stream?channel=topic:a&last_event_id=" + evil,
		"/v1/stream?channel=topic:a&events=" + evil, "/v1/stream?channel=topic:a&heartbeat=" + evil,
		"/v1/stream?access_token=" + evil, "/v1/channels/topic:a" + evil + "/events", "/v1/" + evil,
		"/v1/channels/topic:a/events?limit=" + evil,
	} {
		resp := raw(t, h, "GET "+target+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		require.GreaterOrEqual(t, resp.StatusCode, 400, target)
		require.Empty(t, resp.Header.Get("Set-Cookie"), target)
	}
	for _, name := range []string{"X-Request-Id", "Origin", "Last-Event-ID", "Accept", "Cookie", "X-Forwarded-Proto", "Authorization"} {
		for _, value := range []string{"a\rSet-Cookie: evil=1", "a\x00b", "a\r\n Set-Cookie: evil=1", "a\nevent: evil\n\n"} {
			resp := raw(t, h, "GET /v1/channels/topic:a/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"+name+": "+value+"\r\n\r\n")
			require.Empty(t, resp.Header.Get("Set-Cookie"), "%s: %q", name, value)
			require.NotContains(t, fmt.Sprint(resp.Header), "evil", "%s: %q", name, value)
		}
	}
	s := openStream(t, h.URL(), "topic:a", "Authorization", "Bearer "+person, "Last-Event-ID", "0.-@topic:a,event: evil")
	s.waitFor("event: bellhop.ready")
	require.NotContains(t, s.text(), "evil")
}

// TestAttackEventInjection: a publisher can't make further events, ids or fields
// out of the data or type of one.
func TestAttackEventInjection(t *testing.T) {
	t.Parallel()
	h, _ := fortress(t)
	s := openStream(t, h.URL(), "topic:a")
	s.waitFor("event: bellhop.ready")
	for _, kind := range []string{`x\nevent: evil`, `x\r\nid: 9`, "bellhop.reset", "", `x\u2028y`} {
		status, answer := publishAs(t, h, "fedcba9876543210", `{"channels":["topic:a"],"type":"`+kind+`","data":1}`)
		require.Equal(t, http.StatusUnprocessableEntity, status, answer)
	}
	data := `"a\n\nevent: evil\ndata: evil\nid: 9\n\n\r\r\u0000\u2028"`
	status, answer := publishAs(t, h, "fedcba9876543210", "{\"channels\":[\"topic:a\"],\"type\":\"x\",\"data\":{\r\n\r\n\"v\":\n"+data+"}}")
	require.Equal(t, http.StatusCreated, status, answer)
	s.waitFor(data)
	for line := range strings.Lines(s.text()) {
		require.False(t, strings.HasPrefix(line, "event: evil") || strings.HasPrefix(line, "id: 9") || strings.Contains(line, "\r"), "%q", line)
	}
}

// TestAttackOthersInbox: no spelling of somebody's inbox opens it for others.
func TestAttackOthersInbox(t *testing.T) {
	t.Parallel()
	h, person := fortress(t)
	for _, name := range []string{
		"user:zoe", "user%3Azoe", "user%253Azoe", "user:zoe%00", "user:zoe%20", "%20user:zoe", "USER:zoe", "user:mina,user:zoe",
		"user::zoe", "user:mina/../zoe", "user:mina%2f..%2fzoe", "us%E2%80%8Ber:zoe", "user%EF%BC%9Azoe", "user:zo%C3%A9", "user:zoe%0a",
	} {
		for _, path := range []string{"/v1/stream?channel=" + name, "/v1/channels/" + name + "/events"} {
			resp := raw(t, h, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer "+person+"\r\n\r\n")
			require.Contains(t, []int{400, 403, 404, 422}, resp.StatusCode, path)
		}
	}
}

// TestAttackCookieFixation: a session begins with a bearer token in a header
// alone; neither a cookie nor an address makes one, so nobody can be given the
// session of another by a link or a form.
func TestAttackCookieFixation(t *testing.T) {
	t.Parallel()
	h, person := fortress(t)
	for _, tt := range []struct {
		query  string
		header []string
		status int
	}{
		{"", []string{"Cookie", "bellhop_session=" + person}, http.StatusUnauthorized},
		{"?access_token=" + person, nil, http.StatusBadRequest},
	} {
		status, _ := post(t, h.URL()+"/v1/session"+tt.query, "access_token="+person, append([]string{"Content-Type", "application/x-www-form-urlencoded"}, tt.header...)...)
		require.Equal(t, tt.status, status)
	}
}

// TestAttackCrossSite: what another site's page can send with the cookie changes
// nothing.
func TestAttackCrossSite(t *testing.T) {
	t.Parallel()
	h, person := fortress(t)
	for _, origin := range []string{"https://evil.example", "null", "http://127.0.0.1.evil.example", ""} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, h.URL()+"/v1/session", http.NoBody)
		require.NoError(t, err)
		req.Header.Set("Cookie", "bellhop_session="+person)
		if origin != "" {
			req.Header.Set("Origin", origin)
		}
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
		resp, err := client.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusForbidden, resp.StatusCode, origin)
		require.Empty(t, resp.Header.Get("Set-Cookie"))
		require.Empty(t, resp.Header.Get("Access-Control-Allow-Origin"))
		for _, path := range []string{"/v1/events", "/v1/admin/disconnect"} {
			status, _ := post(t, h.URL()+path, `{"user":"mina"}`, "Cookie", "bellhop_session="+person, "Origin", origin)
			require.Equal(t, http.StatusUnauthorized, status)
		}
	}
}

// TestAttackKeysOfAnotherService: idempotency keys belong to the service that
// sent them; the same key of another one neither finds nor blocks anything.
func TestAttackKeysOfAnotherService(t *testing.T) {
	t.Parallel()
	h, _ := fortress(t)
	const body = `{"channels":["topic:a"],"type":"x","data":1}`
	for i, key := range []string{"fedcba9876543210", "0f1e2d3c4b5a6978"} {
		status, answer := publishAs(t, h, key, body, "Idempotency-Key", "order-1")
		require.Equal(t, http.StatusCreated, status)
		require.Contains(t, answer, fmt.Sprintf(`"seq":%d`, i+1))
	}
	status, _ := publishAs(t, h, "0f1e2d3c4b5a6978", strings.Replace(body, "1}", "2}", 1), "Idempotency-Key", "order-1")
	require.Equal(t, http.StatusUnprocessableEntity, status)
}

// TestAttackBodies: too large, too deep, ambiguous or encoded ones are refused,
// and none of them stops the next.
func TestAttackBodies(t *testing.T) {
	t.Parallel()
	h, _ := fortress(t)
	event := func(data string) string { return `{"channels":["topic:a"],"type":"x","data":` + data + `}` }
	for name, tt := range map[string]struct {
		body   string
		header []string
		want   []int
	}{
		"too large":          {event(`"` + strings.Repeat("x", 70<<10) + `"`), nil, []int{413}},
		"far too large":      {event(`"` + strings.Repeat("x", 3<<20) + `"`), nil, []int{413}},
		"too deep":           {event(strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000)), nil, []int{400, 422}},
		"channels twice":     {`{"channels":["topic:a"],"channels":["user:zoe"],"type":"x","data":1}`, nil, []int{400, 422}},
		"type twice":         {`{"channels":["topic:a"],"type":"x","type":"bellhop.reset","data":1}`, nil, []int{400, 422}},
		"escaped twice":      {`{"channels":["topic:a"],"type":"x","data":1,"d\u0061ta":2}`, nil, []int{400, 422}},
		"something behind":   {event("1") + event("2"), nil, []int{400}},
		"gzip":               {event("1"), []string{"Content-Encoding", "gzip"}, []int{415}},
		"identity, and more": {event("1"), []string{"Content-Encoding", "identity, br"}, []int{415}},
		"a form":             {event("1"), []string{"Content-Type", "text/plain"}, []int{415}},
	} {
		status, answer := publishAs(t, h, "fedcba9876543210", tt.body, tt.header...)
		require.Contains(t, tt.want, status, "%s: %s", name, answer)
		require.Less(t, len(answer), 4096, "the refused body does not come back")
	}
	status, answer := publishAs(t, h, "fedcba9876543210", event("1"))
	require.Equal(t, http.StatusCreated, status)
	require.Contains(t, answer, `"seq":1`, "none of those was written")
}

// TestAttackSlowloris: 200 connections that never finish their request do not
// keep a real client waiting.
func TestAttackSlowloris(t *testing.T) {
	t.Parallel()
	h, _ := fortress(t)
	for i := range 200 {
		c, err := net.Dial("tcp", h.public.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		half := "POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Slow: "
		if i%2 == 0 { // the head is whole, the body is not
			half = "POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer fedcba9876543210\r\nContent-Length: 100\r\n\r\n{"
		}
		_, err = io.WriteString(c, half)
		require.NoError(t, err)
	}
	began := time.Now()
	s := openStream(t, h.URL(), "topic:a")
	s.waitFor("event: bellhop.ready")
	status, _ := publishAs(t, h, "0f1e2d3c4b5a6978", `{"channels":["topic:a"],"type":"x","data":"through"}`)
	require.Equal(t, http.StatusCreated, status)
	s.waitFor("through")
	require.Less(t, time.Since(began), 5*time.Second)
}

// TestAttackHeaderFlood: a head has a bound, whatever it is made of.
func TestAttackHeaderFlood(t *testing.T) {
	t.Parallel()
	h, _ := fortress(t)
	for name, flood := range map[string]string{
		"many":  strings.Repeat("X-Flood: x\r\n", 20_000),
		"long":  "X-Flood: " + strings.Repeat("x", 100_000) + "\r\n",
		"names": strings.Repeat("x", 100_000) + ": x\r\n",
	} {
		resp := raw(t, h, "GET /livez HTTP/1.1\r\nHost: x\r\n"+flood+"\r\n")
		require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, resp.StatusCode, name)
	}
	resp := raw(t, h, "GET /v1/stream?channel="+strings.Repeat("x", 100_000)+" HTTP/1.1\r\nHost: x\r\n\r\n")
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, resp.StatusCode)
}

// TestAttackManyChannels: a stream has at most sixteen channels, however often and
// in whatever way they are asked for.
func TestAttackManyChannels(t *testing.T) {
	t.Parallel()
	h, person := fortress(t)
	var distinct strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&distinct, "&channel=topic:%d", i)
	}
	ask := func(query string) *http.Response {
		return raw(t, h, "GET /v1/stream?inbox=true"+query+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer "+person+"\r\n\r\n")
	}
	require.Equal(t, http.StatusBadRequest, ask(distinct.String()).StatusCode)
	require.Equal(t, http.StatusBadRequest, ask("&channel="+strings.Repeat("topic:a,", 1000)).StatusCode)
	resp := ask(strings.Repeat("&channel=topic:a&channel=topic%3Aa", 500))
	require.Equal(t, http.StatusOK, resp.StatusCode, "one channel, named a thousand times")
}

// TestAttackHugeCursors: a cursor of any size and content costs a refusal or a
// reset, and the process goes on.
func TestAttackHugeCursors(t *testing.T) {
	t.Parallel()
	h, person := fortress(t)
	huge := []string{
		strings.Repeat("9", 20_000), strings.Repeat("1.e@topic:a,", 1500), "18446744073709551616.e@topic:a", "-1.e@topic:a",
		strings.Repeat("1.e@topic:"+strings.Repeat("k", 90)+",", 190), strings.Repeat(",", 20_000), strings.Repeat("@", 20_000),
		"1." + strings.Repeat("e", 20_000) + "@topic:a",
	}
	for i, cursor := range huge {
		resp := raw(t, h, "GET /v1/stream?channel=topic:a&last_event_id="+cursor+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		require.Contains(t, []int{http.StatusBadRequest, http.StatusRequestHeaderFieldsTooLarge}, resp.StatusCode, "cursor %d", i)
		s := openStream(t, h.URL(), "topic:a", "Authorization", "Bearer "+person, "Last-Event-ID", cursor)
		s.waitFor("event: bellhop.reset")
		s.waitFor("event: bellhop.ready")
		require.Less(t, len(s.text()), 4096, "it does not come back")
	}
}
