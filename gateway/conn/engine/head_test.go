package engine

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHead(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 20, 15, 28, 0, time.FixedZone("elsewhere", 3600))
	h := http.Header{
		"Content-Type":   {"text/event-stream"},
		"Content-Length": {"17"}, // of an answer that was thought better of
		"Set-Cookie":     {"a=1", "b=2"},
		"X-Injected":     {"one\r\nSet-Cookie: c=3"},
	}
	const head = "HTTP/1.1 200 OK\r\n" +
		"Connection: close\r\n" +
		"Content-Type: text/event-stream\r\n" +
		"Date: Sat, 21 Nov 2026 19:15:28 GMT\r\n" +
		"Set-Cookie: a=1\r\n" +
		"Set-Cookie: b=2\r\n" +
		"Transfer-Encoding: chunked\r\n" +
		"X-Injected: one  Set-Cookie: c=3\r\n" +
		"\r\n"
	require.Equal(t, head+"6\r\n: hi\n\n\r\n", string(appendHead(nil, h.Clone(), []byte(": hi\n\n"), now)))
	require.Equal(t, head, string(appendHead(nil, h, nil, now)), "an empty chunk would be the end")
}
