package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
)

func origins(t *testing.T, list ...string) Origins {
	t.Helper()
	o, err := ParseOrigins(list)
	require.NoError(t, err)
	return o
}

func TestParseOriginsRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "app.example.com", "https://", "https://a/", "https://a/x", "a://", "https://u@a", "https://a?x", "null", "https://%zz",
		"https://a:443", "http://a:80", "https://a:", "https://[::1]:443", "https://b\u00fccher.example",
		"https://*", "https://*.com", "https://*.com.", "https://*..com", "https://a.*.example.com", "https://*.*.example.com", "https://x*.example.com", "https://*x.example.com",
		"https://*.example.com/", "https://*.example.com:443", "https://*.0.0.1", "https://*.example.com:*", "*.example", "capacitor:localhost", "*:8080"} {
		_, err := ParseOrigins([]string{s})
		var oe *OriginError
		require.ErrorAs(t, err, &oe, "origin %q", s)
		require.Equal(t, s, oe.Origin)
		require.ErrorContains(t, err, "origin")
	}
}

func TestParseOriginsTakes(t *testing.T) {
	t.Parallel()
	for given, sent := range map[string]string{
		"https://app.example.com": "https://app.example.com",
		"HTTPS://App.Example.com": "",
		"https://App.Example.com": "https://app.example.com",
		"http://localhost:8080":   "http://localhost:8080",
		"http://a:443":            "http://a:443",
		"https://a:80":            "https://a:80",
		"https://a:8443":          "https://a:8443",
		"http://[::1]:3000":       "http://[::1]:3000",
		"capacitor://localhost":   "capacitor://localhost",
		"ionic://localhost":       "ionic://localhost",
		"ftp://a":                 "ftp://a",
		"chrome-extension://abc":  "chrome-extension://abc",
		"http://*.localhost:3000": "http://x.localhost:3000",
	} {
		o, err := ParseOrigins([]string{given})
		if sent == "" {
			require.Error(t, err, given)
			continue
		}
		require.NoError(t, err, given)
		require.True(t, o.Listed(sent), given)
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	const app = "https://app.example.com"
	for name, tc := range map[string]struct {
		origins              []string
		origin               string
		allowed, credentials string
	}{
		"none configured":  {nil, app, "", ""},
		"listed":           {[]string{app}, app, app, "true"},
		"another":          {[]string{app}, "https://evil.example.com", "", ""},
		"any":              {[]string{"*"}, "https://evil.example.com", "*", ""},
		"listed among any": {[]string{"*", app}, app, app, "true"},
		"no origin":        {[]string{app}, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newTest(t, Options{Origins: origins(t, tc.origins...)})
			s.Echo.POST("/v1/x", func(echo.Context) error { return NewProblem(http.StatusForbidden, "no") })
			for _, path := range []string{"/v1/x", "/nothing"} { // refusals and unknown paths too
				r := httptest.NewRequest(http.MethodPost, path, nil)
				r.Header.Set("Origin", tc.origin)
				h := do(s, r).Header
				require.Equal(t, tc.allowed, h.Get("Access-Control-Allow-Origin"))
				require.Equal(t, tc.credentials, h.Get("Access-Control-Allow-Credentials"))
				require.Equal(t, tc.allowed != "", h.Get("Access-Control-Expose-Headers") == "X-Request-Id, Retry-After, ETag, Date")
				if tc.origins != nil {
					require.Equal(t, "Origin", h.Get("Vary"))
				}
			}
			r := httptest.NewRequest(http.MethodOptions, "/v1/x", nil)
			r.Header.Set("Origin", tc.origin)
			r.Header.Set("Access-Control-Request-Method", "POST")
			resp := do(s, r)
			require.Equal(t, tc.allowed, resp.Header.Get("Access-Control-Allow-Origin"))
			require.Equal(t, 204, resp.StatusCode)
			if tc.allowed != "" {
				require.Equal(t, "Authorization, Last-Event-ID, Content-Type", resp.Header.Get("Access-Control-Allow-Headers"))
				require.Equal(t, "GET, POST, PUT, DELETE", resp.Header.Get("Access-Control-Allow-Methods"))
				require.Equal(t, "600", resp.Header.Get("Access-Control-Max-Age"))
			}
		})
	}
}

func TestSameSite(t *testing.T) {
	t.Parallel()
	o := origins(t, "https://app.example.com", "*")
	for origin, want := range map[string]bool{
		"":                              false,
		"null":                          false,
		"https://gw.example.com":        true,
		"http://gw.example.com:8080":    true,
		"https://app.example.com":       true,
		"https://evil.example.com":      false,
		"https://gw.example.com.evil.x": false,
		"https://%zz":                   false,
		"capacitor://gw.example.com":    false,
	} {
		r := httptest.NewRequest(http.MethodPost, "http://gw.example.com:9999/v1/session", nil)
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		require.Equal(t, want, o.SameSite(r), "origin %q", origin)
	}
}

// TestPatternsOfOrigins: a star is one whole label, and nothing that only looks like
// the pattern passes.
func TestPatternsOfOrigins(t *testing.T) {
	t.Parallel()
	o := origins(t, "https://*.preview.example.com", "*.dev.example.com:8443", "capacitor://localhost")
	for origin, want := range map[string]bool{
		"https://pr-7.preview.example.com":             true,
		"https://x_1.preview.example.com":              true,
		"https://a.dev.example.com:8443":               true,
		"capacitor://localhost":                        true,
		"capacitor://localhost:80":                     false,
		"capacitor://localhost.evil.com":               false,
		"http://localhost":                             false,
		"http://pr-7.preview.example.com":              false,
		"https://pr-7.preview.example.com:8443":        false,
		"https://a.dev.example.com":                    false,
		"https://a.dev.example.com:84430":              false,
		"https://preview.example.com":                  false,
		"https://.preview.example.com":                 false,
		"https://*.preview.example.com":                false,
		"https://a.b.preview.example.com":              false,
		"https://evil.com/.preview.example.com":        false,
		"https://evil.com?.preview.example.com":        false,
		"https://evil.com#.preview.example.com":        false,
		"https://evil.com:80.preview.example.com":      false,
		"https://u@.preview.example.com":               false,
		"https://evil\\.preview.example.com":           false,
		"https://evil\x00.preview.example.com":         false,
		"https://pr-7.preview.example.com.evil.com":    false,
		"https://pr-7.preview.example.com,https://a.b": false,
		"https://evilpreview.example.com":              false,
		"https://PR-7.preview.example.com":             false,
		"null":                                         false,
	} {
		require.Equal(t, want, o.Listed(origin), "origin %q", origin)
	}
}

// TestPreflightAllowsWhatIsAskedFor: of allowed origins, and nothing that is no name
// of a header.
func TestPreflightAllowsWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	s, _ := newTest(t, Options{Origins: origins(t, "https://*.example.com")})
	s.Echo.GET("/v1/x", func(echo.Context) error { return nil })
	preflight := func(origin string, asked ...string) http.Header {
		r := httptest.NewRequest(http.MethodOptions, "/v1/x", nil)
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", "GET")
		r.Header["Access-Control-Request-Headers"] = asked
		return do(s, r).Header
	}
	const app = "https://app.example.com"
	h := preflight(app, "authorization,sentry-trace, baggage", "traceparent")
	require.Equal(t, corsHeaders+", authorization, sentry-trace, baggage, traceparent", h.Get("Access-Control-Allow-Headers"))
	require.Equal(t, []string{"Origin", "Access-Control-Request-Headers"}, h.Values("Vary"))
	require.Equal(t, app, h.Get("Access-Control-Allow-Origin"))

	h = preflight(app, "x-ok,a b,c\"d,\u00e4,*/,e\r\nSet-Cookie: a=b,"+strings.Repeat("x", maxAskedName+1))
	require.Equal(t, corsHeaders+", x-ok", h.Get("Access-Control-Allow-Headers"))
	require.Empty(t, h.Get("Set-Cookie"))
	h = preflight(app, strings.Repeat("x-a,", 10000))
	require.Equal(t, corsHeaders+strings.Repeat(", x-a", maxAsked), h.Get("Access-Control-Allow-Headers"))

	h = preflight("https://evil.com/.example.com", "authorization")
	for name := range h {
		require.False(t, strings.HasPrefix(name, "Access-Control"), name)
	}
}

// TestPagesOfThisMachine are allowed at any port where that is wanted, and nobody
// whose name only looks alike.
func TestPagesOfThisMachine(t *testing.T) {
	t.Parallel()
	named := origins(t, "https://app.example.com")
	local := named.WithThisMachine()
	for _, origin := range []string{"http://localhost:3000", "http://127.0.0.1:3000", "http://[::1]:5173", "https://localhost"} {
		require.True(t, local.Listed(origin), origin)
		require.False(t, named.Listed(origin), origin)
	}
	for _, origin := range []string{"", "null", "http://localhost.example.com", "http://127.0.0.1.example.com", "http://127.0.0.1@evil.example",
		"http://evil.example#localhost", "capacitor://localhost", "http://10.0.0.1:3000"} {
		require.False(t, local.Listed(origin), origin)
	}
	require.True(t, local.Listed("https://app.example.com"))
}
