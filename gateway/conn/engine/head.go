package engine

import (
	"bytes"
	"net/http"
	"strconv"
	"time"
)

// appendHead appends the response's head and its first chunk, as net/http would
// write them. It changes h.
func appendHead(dst []byte, h http.Header, greeting []byte, now time.Time) []byte {
	if h.Get("Date") == "" {
		h.Set("Date", now.UTC().Format(http.TimeFormat))
	}
	h.Del("Content-Length")
	h.Set("Transfer-Encoding", "chunked")
	h.Set("Connection", "close")
	b := bytes.NewBuffer(append(dst, "HTTP/1.1 200 OK\r\n"...))
	// A buffer takes everything. Names that are none are left out by Write, and
	// line breaks in values replaced, so that nobody can inject a header.
	_ = h.Write(b)
	b.WriteString("\r\n")
	dst = b.Bytes()
	if len(greeting) == 0 {
		return dst
	}
	dst = strconv.AppendUint(dst, uint64(len(greeting)), 16)
	dst = append(dst, "\r\n"...)
	dst = append(dst, greeting...)
	return append(dst, "\r\n"...)
}
