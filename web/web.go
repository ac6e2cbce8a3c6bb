// Package web is the demo page: a person signs in as anybody, sends
// notifications and sees them arrive. It is plain HTML, CSS and JavaScript,
// embedded, without a build step and without anything from other sites.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"time"
)

//go:embed page
var page embed.FS

// policy lets the page load and reach its own origin only, and run no script
// that stands in its markup.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

type file struct {
	content []byte
	typ     string
	etag    string
}

// Paths returns the paths that Handler answers: "/" and the files beside it.
func Paths() []string {
	paths := []string{"/"}
	for name := range files() {
		if name != "/" {
			paths = append(paths, name)
		}
	}
	return paths
}

// Handler serves the page. Files are revalidated on every load by their
// content's hash, so that a new binary is never met with an old script.
func Handler() http.Handler {
	files := files()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", f.typ)
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", f.etag)
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
	})
}

// types are written down because package mime asks the machine, which may have
// other ideas of .js.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// files returns the embedded files by the path at which they are served.
func files() map[string]file {
	all := make(map[string]file)
	entries, err := fs.ReadDir(page, "page")
	if err != nil {
		panic(err) // the embedded folder is part of the binary
	}
	for _, entry := range entries {
		content, err := fs.ReadFile(page, path.Join("page", entry.Name()))
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(content)
		name := "/" + entry.Name()
		if name == "/index.html" {
			name = "/"
		}
		typ := types[path.Ext(entry.Name())]
		if typ == "" {
			panic("web: no media type for " + entry.Name())
		}
		all[name] = file{content: content, typ: typ, etag: `"` + hex.EncodeToString(sum[:12]) + `"`}
	}
	return all
}
