package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func newSite(t *testing.T) *Site {
	t.Helper()
	page := fstest.MapFS{
		"index.html":      {Data: []byte("<title>one</title>")},
		"help/index.html": {Data: []byte("<title>help</title>")},
		"bellhop.js":      {Data: []byte("// " + strings.Repeat("the page's own ", 100))},
		"dot.png":         {Data: []byte("\x89PNG")},
	}
	s, err := NewSite(page, Client())
	require.NoError(t, err)
	return s
}

func get(s *Site, path string, header ...string) *http.Response {
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.URL.Path = path
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(b)
}

func TestFilesAreServedAtTheirPaths(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	require.Equal(t, []string{
		"/", "/bellhop-attention.d.ts", "/bellhop-attention.js", "/bellhop-bell.d.ts", "/bellhop-bell.js", "/bellhop-tidy.d.ts", "/bellhop-tidy.js", "/bellhop-toasts.d.ts", "/bellhop-toasts.js", "/bellhop.d.ts", "/bellhop.js", "/dot.png", "/help/",
		"/texts/ar.js", "/texts/de.js", "/texts/es.js", "/texts/fr.js", "/texts/ja.js", "/texts/pt.js", "/texts/zh-Hans.js", "/texts/zh-Hant.js",
	}, s.Paths())
	for _, path := range s.Paths() {
		resp := get(s, path)
		require.Equal(t, http.StatusOK, resp.StatusCode, path)
		require.NotContains(t, resp.Header.Get("Content-Security-Policy"), "unsafe")
		require.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
	}
	for path, typ := range map[string]string{
		"/": "text/html; charset=utf-8", "/bellhop-bell.js": "text/javascript; charset=utf-8", "/dot.png": "image/png",
	} {
		require.Equal(t, typ, get(s, path).Header.Get("Content-Type"))
	}
	require.Equal(t, "<title>help</title>", body(t, get(s, "/help/").Body))
	require.Contains(t, body(t, get(s, "/bellhop.js").Body), "the page's own", "the first of two counts")
	for _, path := range []string{"/index.html", "/../web.go", "/help", "//", "/nothing.js"} {
		require.Equal(t, http.StatusNotFound, get(s, path).StatusCode, "%s: a file has one address", path)
	}
}

func TestSiteIsReadOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for method, want := range map[string]int{
		http.MethodHead: http.StatusOK, http.MethodPost: http.StatusMethodNotAllowed, http.MethodDelete: http.StatusMethodNotAllowed,
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(method, "/bellhop.js", http.NoBody))
		require.Equal(t, want, w.Code, method)
		require.NotContains(t, w.Body.String(), "the page's own")
		require.Equal(t, want == http.StatusMethodNotAllowed, w.Header().Get("Allow") == "GET, HEAD")
	}
}

func TestUnchangedFileIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, coding := range []string{"", "gzip"} {
		first := get(s, "/bellhop-bell.js", "Accept-Encoding", coding)
		require.Equal(t, "no-cache", first.Header.Get("Cache-Control"))
		again := get(s, "/bellhop-bell.js", "Accept-Encoding", coding, "If-None-Match", first.Header.Get("ETag"))
		require.Equal(t, http.StatusNotModified, again.StatusCode)
	}
}

func TestTextIsCompressedForWhoeverTakesIt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	plain := get(s, "/bellhop-bell.js")
	require.Empty(t, plain.Header.Get("Content-Encoding"))
	text := body(t, plain.Body)
	for header, zipped := range map[string]bool{
		"gzip": true, "br, GZIP;q=0.5": true, "deflate, gzip ; q=1": true,
		"": false, "br": false, "gzip;q=0": false, "gzip;Q=0": false, "gzip; q=0.000": false, "x-gzip": false,
	} {
		resp := get(s, "/bellhop-bell.js", "Accept-Encoding", header)
		require.Equal(t, "Accept-Encoding", resp.Header.Get("Vary"))
		require.Equal(t, zipped, resp.Header.Get("Content-Encoding") == "gzip", header)
		require.Equal(t, zipped, resp.Header.Get("ETag") != plain.Header.Get("ETag"), "two ways of one file have two tags")
		if zipped {
			r, err := gzip.NewReader(resp.Body)
			require.NoError(t, err)
			require.Equal(t, text, body(t, r))
		}
	}
	for _, resp := range []*http.Response{
		get(s, "/dot.png", "Accept-Encoding", "gzip"),
		get(s, "/bellhop-bell.js", "Accept-Encoding", "gzip", "Range", "bytes=0-9"),
	} {
		require.Empty(t, resp.Header.Get("Content-Encoding"))
	}
}

func TestSiteRefusesWhatItCannotName(t *testing.T) {
	t.Parallel()
	_, err := NewSite(fstest.MapFS{"page.exe": {Data: []byte("x")}})
	require.ErrorContains(t, err, "page.exe")
}

// TestClientObeysThePolicy of pages that load nothing from elsewhere, run no
// text as code, and build no markup from it.
func TestClientObeysThePolicy(t *testing.T) {
	t.Parallel()
	for name, f := range newSite(t).files {
		text := string(f.plain.bytes)
		require.NotRegexp(t, `(?:src|href|url\(|import|from)\s*[=(]?\s*["'](?:https?:)?//`, text, "%s loads from elsewhere", name)
		require.NotRegexp(t, `\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write`, text, name)
	}
}
