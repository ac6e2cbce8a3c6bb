package server

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
)

// zip compresses from a kilobyte on: smaller answers fit into a packet anyway. Level 1
// takes a fifth of the time and memory of the default, for a tenth more bytes.
var zip = middleware.GzipWithConfig(middleware.GzipConfig{Level: 1, MinLength: 1024})

// compress compresses what a GET is answered with, for who accepts it.
func compress(next echo.HandlerFunc) echo.HandlerFunc {
	zipped := zip(next) // adds Vary
	return func(c echo.Context) error {
		switch r := c.Request(); {
		case r.Method != http.MethodGet:
			return next(c)
		case acceptsGzip(r.Header):
			return zipped(c)
		}
		c.Response().Header().Add("Vary", "Accept-Encoding")
		return next(c)
	}
}

// compressOperation is a middleware of typed operations. What is not typed is left
// alone: a stream must not be held back, and a site's files are compressed already.
func compressOperation(ctx huma.Context, next func(huma.Context)) {
	if ctx.Method() != http.MethodGet {
		next(ctx)
		return
	}
	// The error is none: next answers by itself.
	_ = compress(func(echo.Context) error { next(ctx); return nil })(humaecho.Unwrap(ctx))
}

var zeroWeight = regexp.MustCompile(`(?i)^\s*q=0(\.0*)?\s*$`)

// acceptsGzip reads Accept-Encoding as far as it matters here (RFC 9110, section
// 12.5.3): gzip named, and not refused by a weight of zero.
func acceptsGzip(h http.Header) bool {
	for coding := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") && !zeroWeight.MatchString(weight) {
			return true
		}
	}
	return false
}

// ETag is a validator for an answer that is made of these bytes, or that they name. It
// is weak: the answer may be compressed or not.
func ETag(b []byte) string {
	sum := sha256.Sum256(b)
	return `W/"` + hex.EncodeToString(sum[:12]) + `"`
}

// Unchanged tells whether a request says that its sender has the answer with this
// ETag already (RFC 9110, section 13.1.2). Nobody has one without.
func Unchanged(r *http.Request, etag string) bool {
	if etag == "" {
		return false
	}
	for tag := range strings.SplitSeq(strings.Join(r.Header.Values("If-None-Match"), ","), ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}
