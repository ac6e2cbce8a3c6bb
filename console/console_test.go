package console

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type trustedKey struct{}

// answering is a Handler whose API says where it was asked, and whether in trust.
func answering(t *testing.T) http.Handler {
	t.Helper()
	h, err := Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Path", r.URL.EscapedPath())
		if r.Context().Value(trustedKey{}) != nil {
			w.Header().Set("Trusted", "yes")
		}
	}), func(ctx context.Context) context.Context { return context.WithValue(ctx, trustedKey{}, true) })
	require.NoError(t, err)
	return h
}

// TestOnlyThePageOfThisMachineNeedsNoKey: not a page of another site in the same browser,
// not a name that points here, not what a proxy forwards, and nobody from elsewhere.
func TestOnlyThePageOfThisMachineNeedsNoKey(t *testing.T) {
	t.Parallel()
	h := answering(t)
	for name, tt := range map[string]struct {
		host, peer string
		header     []string
		want       string
	}{
		"the page":             {"127.0.0.1:9091", "127.0.0.1:40000", []string{"Sec-Fetch-Site", "same-origin"}, "yes"},
		"by name":              {"localhost:9091", "127.0.0.1:40000", []string{"Sec-Fetch-Site", "same-origin"}, "yes"},
		"by IPv6":              {"[::1]:9091", "[::1]:40000", []string{"Sec-Fetch-Site", "same-origin"}, "yes"},
		"another site":         {"127.0.0.1:9091", "127.0.0.1:40000", []string{"Sec-Fetch-Site", "cross-site"}, ""},
		"another port":         {"127.0.0.1:9091", "127.0.0.1:40000", []string{"Sec-Fetch-Site", "same-site"}, ""},
		"a program":            {"127.0.0.1:9091", "127.0.0.1:40000", nil, ""},
		"a name that was bent": {"evil.example:9091", "127.0.0.1:40000", []string{"Sec-Fetch-Site", "same-origin"}, ""},
		"a longer name":        {"localhost.evil.example", "127.0.0.1:40000", []string{"Sec-Fetch-Site", "same-origin"}, ""},
		"from elsewhere":       {"127.0.0.1:9091", "192.0.2.1:40000", []string{"Sec-Fetch-Site", "same-origin"}, ""},
		"by a proxy":           {"127.0.0.1:9091", "127.0.0.1:40000", []string{"Sec-Fetch-Site", "same-origin", "X-Forwarded-For", "192.0.2.1"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, API+"/v1/admin/channels/a%2Fb", http.NoBody)
			r.Host, r.RemoteAddr = tt.host, tt.peer
			for i := 0; i < len(tt.header); i += 2 {
				r.Header.Set(tt.header[i], tt.header[i+1])
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			require.Equal(t, tt.want, w.Header().Get("Trusted"))
			require.Equal(t, "/v1/admin/channels/a%2Fb", w.Header().Get("Path"))
		})
	}
}

// TestConsoleReachesItsCallsAlone, and its page runs nothing of others.
func TestConsoleReachesItsCallsAlone(t *testing.T) {
	t.Parallel()
	h := answering(t)
	for path, want := range map[string]int{
		Path: http.StatusOK, Path + "console.js": http.StatusOK, API + "/v1/events": http.StatusOK,
		Live + "/v1/stream?channel=a:b": http.StatusOK, Live + "/v1/admin/fleet": http.StatusNotFound, Path + "bellhop.js": http.StatusOK,
		API + "/v1/stream": http.StatusNotFound, API + "/v1/channels/user:42": http.StatusNotFound, API + "/metrics": http.StatusNotFound,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
		require.Equal(t, want, w.Code, path)
		if strings.HasPrefix(path, Live) && want == http.StatusOK {
			require.Equal(t, "/v1/admin/fleet/live", w.Header().Get("Path"))
		}
		if path == Path {
			require.Contains(t, w.Header().Get("Content-Security-Policy"), "script-src 'self'; ")
			require.Contains(t, w.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'")
		}
	}
}

// TestConsoleSpeaksEachLanguageWhole: every text is there in all languages, and every text
// that is asked for is there.
func TestConsoleSpeaksEachLanguageWhole(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		text, err := files.ReadFile("page/" + name)
		require.NoError(t, err)
		return string(text)
	}
	languages := regexp.MustCompile(`(?ms)^  (en|ko): \{(.*?)^  \},`).FindAllStringSubmatch(read("texts.js"), -1)
	require.Len(t, languages, 2)
	names := func(text string) (all []string) {
		for _, m := range regexp.MustCompile(`(\w+): "`).FindAllStringSubmatch(text, -1) {
			all = append(all, m[1])
		}
		return all
	}
	known := names(languages[0][2])
	require.Equal(t, known, names(languages[1][2]))
	asked := regexp.MustCompile(`\b(?:t|tile)\("(\w+)"|data-text="(\w+)"`).FindAllStringSubmatch(read("index.html")+read("console.js")+read("found.js")+read("fleet.js"), -1)
	require.NotEmpty(t, asked)
	for _, m := range asked {
		require.Contains(t, known, m[1]+m[2])
	}
}
