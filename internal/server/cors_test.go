package server

import (
	"net/http"
	"net/http/httptest"
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
	for _, s := range []string{"", "app.example.com", "https://", "https://a/", "https://a/x", "ftp://a", "https://u@a", "https://a?x", "null", "https://%zz",
		"https://a:443", "http://a:80", "https://a:", "https://[::1]:443", "https://*.example.com", "https://b\u00fccher.example"} {
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
				require.Equal(t, tc.allowed != "", h.Get("Access-Control-Expose-Headers") == "X-Request-Id, Retry-After")
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
				require.Contains(t, resp.Header.Get("Access-Control-Allow-Methods"), "DELETE")
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
