package web

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func get(t *testing.T, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestEveryFileIsServedWithItsType(t *testing.T) {
	t.Parallel()
	require.Contains(t, Paths(), "/")
	for _, path := range Paths() {
		resp := get(t, path)
		require.Equal(t, http.StatusOK, resp.StatusCode, path)
		require.NotContains(t, resp.Header.Get("Content-Security-Policy"), "unsafe")
		require.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
		require.NotEmpty(t, resp.Header.Get("Content-Type"))
	}
	require.Equal(t, "text/javascript; charset=utf-8", get(t, "/main.js").Header.Get("Content-Type"))
	require.Equal(t, http.StatusNotFound, get(t, "/index.html").StatusCode, "the page has one address")
	require.Equal(t, http.StatusNotFound, get(t, "/../web.go").StatusCode)
}

func TestUnchangedFileIsNotSentAgain(t *testing.T) {
	t.Parallel()
	first := get(t, "/style.css")
	require.Equal(t, "no-cache", first.Header.Get("Cache-Control"))
	again := get(t, "/style.css", "If-None-Match", first.Header.Get("ETag"))
	require.Equal(t, http.StatusNotModified, again.StatusCode)
}

// TestPageObeysItsOwnPolicy: the policy forbids what stands in the markup
// itself and what comes from elsewhere, so none of it may be there.
func TestPageObeysItsOwnPolicy(t *testing.T) {
	t.Parallel()
	for name, f := range files() {
		text := string(f.content)
		elsewhere := regexp.MustCompile(`(?:src|href|url\(|import|from)\s*[=(]?\s*["']?(?:https?:)?//`)
		require.False(t, elsewhere.MatchString(text), "%s loads from elsewhere", name)
		if name == "/" {
			require.NotContains(t, text, "style=")
			require.NotContains(t, text, "<style")
			require.False(t, regexp.MustCompile(`\son[a-z]+=`).MatchString(text), "an inline handler")
			require.Equal(t, strings.Count(text, "<script"), strings.Count(text, `<script type="module" src=`))
		}
	}
}
