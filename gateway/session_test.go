package gateway_test

import (
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/gateway"
	"github.com/bellhop/bellhop/gateway/limit"
)

func sessionOf(t *testing.T, resp *http.Response) *http.Cookie {
	t.Helper()
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	require.Len(t, resp.Cookies(), 1)
	c := resp.Cookies()[0]
	require.Equal(t, "bellhop_session", c.Name)
	require.Equal(t, "/v1", c.Path)
	require.True(t, c.HttpOnly)
	require.Equal(t, http.SameSiteLaxMode, c.SameSite)
	return c
}

func TestSessionCookie(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	mina := token(t, "mina")
	c := sessionOf(t, r.do(http.MethodPost, "/v1/session", bearer(mina)))
	require.Equal(t, mina, c.Value)
	require.False(t, c.Secure)
	require.InDelta(t, time.Hour.Seconds(), c.MaxAge, 5)
	require.LessOrEqual(t, c.MaxAge, int(time.Hour.Seconds()), "it lives no longer than the token")
	require.LessOrEqual(t, len(c.Raw), 4096)

	s := r.stream("/v1/stream", header{"Cookie", c.Name + "=" + c.Value}).greeted()
	require.Contains(t, s.expect("bellhop.ready").id, "user:mina")
	s.leave()

	gone := sessionOf(t, r.do(http.MethodDelete, "/v1/session", cookie(mina), header{"Origin", r.url}))
	require.Negative(t, gone.MaxAge)
	require.Empty(t, gone.Value)
}

// TestSecureCookieBehindAProxy: a proxy says whether the browser came by TLS, if
// it is one of those that are believed. One that nobody named is pointed out.
func TestSecureCookieBehindAProxy(t *testing.T) {
	t.Parallel()
	for network, secure := range map[string]bool{"127.0.0.0/8": true, "10.0.0.0/8": false, "": false} {
		var logged syncBuffer
		r := newRig(t, func(c *gateway.Config) {
			var networks []string
			if network != "" {
				networks = append(networks, network)
			}
			var err error
			c.Proxies, err = limit.ParseProxies(networks)
			require.NoError(t, err)
			c.Logger = slog.New(slog.NewTextHandler(&logged, nil))
		})
		start := []header{bearer(token(t, "mina")), {"X-Forwarded-Proto", "https"}}
		for range 2 {
			require.Equal(t, secure, sessionOf(t, r.do(http.MethodPost, "/v1/session", start...)).Secure, network)
		}
		end := []header{{"Origin", strings.Replace(r.url, "http:", "https:", 1)}, {"X-Forwarded-Proto", "https"}}
		require.Equal(t, secure, sessionOf(t, r.do(http.MethodDelete, "/v1/session", end...)).Secure, network)
		warnings := 0
		if network == "" {
			warnings = 1
		}
		require.Equal(t, warnings, strings.Count(logged.String(), "set --trusted-proxies"), network)
	}
}

// TestFramedCookieChangesNothingFromElsewhere: a browser sends it with the requests of
// any page, so where a request comes from decides alone.
func TestFramedCookieChangesNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *gateway.Config) { c.FramedCookie = true })
	resp := r.do(http.MethodPost, "/v1/session", bearer(token(t, "mina")))
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	for _, attribute := range []string{"; Path=/v1", "; HttpOnly", "; Secure", "; SameSite=None", "; Partitioned"} {
		require.Contains(t, resp.Header.Get("Set-Cookie"), attribute)
	}
	for origin, status := range map[string]int{
		r.url:                                   http.StatusOK,
		app:                                     http.StatusOK,
		"":                                      http.StatusForbidden,
		"null":                                  http.StatusForbidden,
		"https://evil.example.com":              http.StatusForbidden,
		"https://evil.com/.preview.example.com": http.StatusForbidden,
	} {
		headers := []header{cookie(resp.Cookies()[0].Value), {"Content-Type", "application/json"}}
		if origin != "" {
			headers = append(headers, header{"Origin", origin})
		}
		require.Equal(t, status, r.send(http.MethodPost, "/v1/inbox/read", `{"up_to":0}`, headers...).StatusCode, "origin %q", origin)
		if status == http.StatusForbidden {
			require.Equal(t, status, r.do(http.MethodDelete, "/v1/session", headers...).StatusCode, "origin %q", origin)
		}
	}
	gone := r.do(http.MethodDelete, "/v1/session", cookie("x"), header{"Origin", app}).Header.Get("Set-Cookie")
	require.Contains(t, gone, "; Partitioned", "or the browser keeps the other one")
}

// syncBuffer is what a gateway logs to while its test reads.
type syncBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func TestSessionRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	mina := token(t, "mina")
	long, err := auth.SignToken(secret, auth.Claims{
		Subject: "mina", Expires: time.Now().Add(time.Hour), Channels: []string{strings.Repeat("r", 4000)},
	})
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		method  string
		headers []header
		status  int
	}{
		"no token":                          {http.MethodPost, nil, 401},
		"bad token":                         {http.MethodPost, []header{bearer("x")}, 401},
		"a cookie does not prolong itself":  {http.MethodPost, []header{cookie(mina), {"Origin", r.url}}, 401},
		"too long for a cookie":             {http.MethodPost, []header{bearer(long)}, 431},
		"end: no origin":                    {http.MethodDelete, []header{cookie(mina)}, 403},
		"end: another site":                 {http.MethodDelete, []header{cookie(mina), {"Origin", "https://evil.example.com"}}, 403},
		"end: opaque origin":                {http.MethodDelete, []header{cookie(mina), {"Origin", "null"}}, 403},
		"end: without a cookie, other site": {http.MethodDelete, []header{{"Origin", "https://evil.example.com"}}, 403},
		"end: bad token":                    {http.MethodDelete, []header{bearer("x")}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			r := r.on(t)
			resp := r.do(tc.method, "/v1/session", tc.headers...)
			problem(t, resp, tc.status)
			require.Empty(t, resp.Cookies())
		})
	}
}

func TestSessionEndsFor(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for name, headers := range map[string][]header{
		"the own site":       {cookie(token(t, "mina")), {"Origin", r.url}},
		"an allowed origin":  {cookie(token(t, "mina")), {"Origin", app}},
		"a cookie gone bad":  {cookie("x"), {"Origin", r.url}},
		"a bearer of tokens": {bearer(token(t, "mina"))},
	} {
		require.Negative(t, sessionOf(t, r.do(http.MethodDelete, "/v1/session", headers...)).MaxAge, name)
	}
}

// A bad cookie must not keep anybody from what is public, and is taken away.
func TestBadCookieIsClearedOnPublicRequests(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	expired := tokenUntil(t, "mina", time.Now().Add(-time.Minute))
	s := r.stream("/v1/stream?channel=topic:a", cookie(expired))
	require.Negative(t, s.resp.Cookies()[0].MaxAge)
	s.greeted()
	require.NotContains(t, s.expect("bellhop.ready").id, "user:")
	s.leave()

	resp := r.get("/v1/channels/topic:a/events", cookie(expired))
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Negative(t, resp.Cookies()[0].MaxAge)

	// A good one is left alone.
	s = r.stream("/v1/stream?channel=topic:a", cookie(token(t, "mina"))).greeted()
	require.Empty(t, s.resp.Cookies())
	s.leave()
}

// TestTokensWaitForTheIssuersKeys: a gateway that has not read them yet does not know
// which tokens are good. That passes, so nobody is signed out for it.
func TestTokensWaitForTheIssuersKeys(t *testing.T) {
	t.Parallel()
	keys, err := auth.OpenJWKS(auth.JWKSConfig{URL: "http://127.0.0.1:1/keys", Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, keys.Close()) })
	r := newRig(t, func(c *gateway.Config) {
		c.Verifier, err = auth.NewVerifier(auth.TokenConfig{Issuers: []auth.Issuer{{JWKS: keys, Issuer: "https://id.example", Audience: "bellhop"}}})
		require.NoError(t, err)
	})
	encode := base64.RawURLEncoding.EncodeToString
	given := encode([]byte(`{"alg":"EdDSA"}`)) + "." + encode([]byte(`{"sub":"mina","iss":"https://id.example"}`)) + "." + encode([]byte("signed"))
	for _, h := range []header{bearer(given), cookie(given)} {
		r.refusedBothWays("/v1/stream?channel=topic:a", "unready", h)
		for _, path := range []string{"/v1/channels/topic:a/events", "/v1/inbox"} {
			resp := r.get(path, h)
			problem(t, resp, http.StatusServiceUnavailable)
			require.NotEmpty(t, resp.Header.Get("Retry-After"))
			require.Empty(t, resp.Header.Get("Set-Cookie"))
		}
	}
	problem(t, r.do(http.MethodPost, "/v1/session", bearer(given)), http.StatusServiceUnavailable)
	require.Equal(t, http.StatusOK, r.get("/v1/channels/topic:a/events").StatusCode, "who is anonymous needs no key")
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	resp := r.do(http.MethodOptions, "/v1/stream", header{"Origin", app},
		header{"Access-Control-Request-Method", "GET"}, header{"Access-Control-Request-Headers", "authorization,last-event-id"})
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	require.Equal(t, app, resp.Header.Get("Access-Control-Allow-Origin"))
	for _, h := range []string{"Authorization", "Last-Event-ID", "Content-Type"} {
		require.Contains(t, resp.Header.Get("Access-Control-Allow-Headers"), h)
	}
	resp = r.do(http.MethodOptions, "/v1/stream", header{"Origin", "https://evil.example.com"}, header{"Access-Control-Request-Method", "GET"})
	require.Empty(t, resp.Header.Get("Access-Control-Allow-Origin"))
}

// TestAttackPageWithoutTLS: whoever can change pages on the way makes one at http://
// of the gateway's own host, and the browser of somebody who has a session at https://
// is asked to act for them.
func TestAttackPageWithoutTLS(t *testing.T) {
	t.Parallel()
	const host = "gw.example.com"
	for _, proxies := range []string{"127.0.0.0/8", ""} { // also where nobody said which proxy there is
		r := newRig(t, func(c *gateway.Config) {
			if proxies != "" {
				c.Proxies = limit.Proxies{netip.MustParsePrefix(proxies)}
			}
		})
		status := func(origin string, headers ...header) int {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/v1/inbox/read", strings.NewReader(`{"up_to":0}`))
			require.NoError(t, err)
			req.Host = host
			for _, h := range append(headers, header{"Origin", origin}, header{"Content-Type", "application/json"}, cookie(token(t, "mina"))) {
				req.Header.Add(h[0], h[1])
			}
			resp, err := r.client.Do(req)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			return resp.StatusCode
		}
		tls, plain := header{"X-Forwarded-Proto", "https"}, header{"X-Forwarded-Proto", "http"}
		site := func(s string) header { return header{"Sec-Fetch-Site", s} }
		require.Equal(t, http.StatusForbidden, status("http://"+host, tls))
		require.Equal(t, http.StatusForbidden, status("http://"+host, header{"X-Forwarded-Proto", "HTTPS, http"}))
		require.Equal(t, http.StatusForbidden, status("http://"+host, site("cross-site")), "a proxy that does not say how it was spoken to")
		require.Equal(t, http.StatusForbidden, status("capacitor://"+host), "an app's page, which is not listed")
		require.Equal(t, http.StatusForbidden, status("https://"+host, tls, header{"Origin", "http://" + host}), "two origins")
		require.Equal(t, http.StatusOK, status("https://"+host, tls, site("same-origin")))
		require.Equal(t, http.StatusOK, status("https://"+host+":8443", tls, site("same-site")), "a site has no port")
		require.Equal(t, http.StatusOK, status("https://"+host), "TLS that nobody tells of")
		require.Equal(t, http.StatusOK, status("http://"+host, plain))
		require.Equal(t, http.StatusOK, status("http://"+host, site("same-origin")))
		require.Equal(t, http.StatusOK, status(app, tls, site("cross-site")), "a listed origin is another site")
	}
}
