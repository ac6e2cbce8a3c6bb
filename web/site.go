package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// policy lets a page load and reach its own origin only, and run no script that
// stands in its markup.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// types are written down because package mime asks the machine, which may have
// other ideas of .js.
var types = map[string]string{
	".html":  "text/html; charset=utf-8",
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".ts":    "text/plain; charset=utf-8",
	".json":  "application/json",
	".svg":   "image/svg+xml",
	".png":   "image/png",
	".woff2": "font/woff2",
}

// Site serves static files from memory. Browsers ask again on every load and are
// answered by the content's hash, so that a new binary is never met with an old
// script; what can be compressed was so once, at the start. It is safe for
// concurrent use.
type Site struct {
	files map[string]file
}

type file struct {
	typ           string
	plain, zipped content
}

// content is one way in which a file is sent.
type content struct {
	bytes []byte
	etag  string
}

// NewSite makes a site of all files of some file systems, each at its own path;
// index.html is at its folder's. Of two files with one path the first counts. A
// file whose type is not known here is an error.
func NewSite(systems ...fs.FS) (*Site, error) {
	s := &Site{files: make(map[string]file)}
	for _, system := range systems {
		err := fs.WalkDir(system, ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			return s.add(system, name)
		})
		if err != nil {
			return nil, fmt.Errorf("site: %w", err)
		}
	}
	return s, nil
}

func (s *Site) add(system fs.FS, name string) error {
	at := "/" + name
	if path.Base(name) == "index.html" {
		at = strings.TrimSuffix(at, "index.html")
	}
	if _, taken := s.files[at]; taken {
		return nil
	}
	typ, known := types[path.Ext(name)]
	if !known {
		return fmt.Errorf("no media type for %s", name)
	}
	b, err := fs.ReadFile(system, name)
	if err != nil {
		return err
	}
	f := file{typ: typ, plain: newContent(b)}
	zipped := new(bytes.Buffer)
	w := gzip.NewWriter(zipped)
	_, err = w.Write(b)
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	// Pictures and fonts are compressed already.
	if zipped.Len() < len(b)*9/10 {
		f.zipped = newContent(zipped.Bytes())
	}
	s.files[at] = f
	return nil
}

func newContent(b []byte) content {
	sum := sha256.Sum256(b)
	return content{b, `"` + hex.EncodeToString(sum[:12]) + `"`}
}

// Paths returns the paths that the site answers, sorted.
func (s *Site) Paths() []string {
	return slices.Sorted(maps.Keys(s.files))
}

// ServeHTTP implements http.Handler.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := s.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	h.Set("Content-Type", f.typ)
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	send := f.plain
	if f.zipped.bytes != nil {
		h.Set("Vary", "Accept-Encoding")
		// A range is one of the file itself.
		if r.Header.Get("Range") == "" && acceptsGzip(r.Header.Values("Accept-Encoding")) {
			send = f.zipped
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("ETag", send.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(send.bytes))
}

// acceptsGzip reads Accept-Encoding as far as it matters here (RFC 9110, section
// 12.5.3): gzip named, and not refused by a weight of zero.
func acceptsGzip(headers []string) bool {
	for _, header := range headers {
		for coding := range strings.SplitSeq(header, ",") {
			name, weight, _ := strings.Cut(coding, ";")
			if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
				continue
			}
			weight = strings.TrimSpace(strings.TrimPrefix(strings.ToLower(strings.TrimSpace(weight)), "q="))
			return strings.Trim(weight, "0.") != "" || weight == ""
		}
	}
	return false
}

var _ http.Handler = (*Site)(nil)
