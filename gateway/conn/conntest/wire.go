package conntest

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway/conn"
)

// The head says what a handler set, and what every response says.
func testHead(t *testing.T, engine Engine) {
	src := NewSource(t)
	c := connect(t, engine, calm(), src, 0)
	head := c.open()
	require.Equal(t, "text/event-stream", head.Get("Content-Type"))
	require.Equal(t, "kept", head.Get("X-Request-Id"))
	date, err := http.ParseTime(head.Get("Date"))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), date, patience)
	require.Empty(t, head["Content-Length"])
	src.Finish()
	require.Empty(t, c.rest())
}

// Writes that the socket takes in parts, to readers of a few bytes at a time.
func testTinyWindows(t *testing.T, engine Engine) {
	for _, step := range []int{1, 333} {
		t.Run(strconv.Itoa(step), func(t *testing.T) {
			t.Parallel()
			src := NewSource(t)
			c := connect(t, engine, calm(), src, 2<<10)
			c.open()
			c.r.Reset(&steps{r: c.c, n: step})
			var want strings.Builder
			for i := range 40 {
				block := "data: " + strings.Repeat(strconv.Itoa(i)+",", 100) + "\n\n"
				want.WriteString(block)
				src.Say(block)
			}
			src.Finish()
			require.Equal(t, want.String(), c.rest())
			require.Equal(t, conn.ReasonEnd, src.AwaitClose())
		})
	}
}

// steps reads at most n bytes at a time.
type steps struct {
	r io.Reader
	n int
}

func (s *steps) Read(p []byte) (int, error) { return s.r.Read(p[:min(s.n, len(p))]) }

// What a client sends after its request neither disturbs the stream nor spoils
// its end.
func testPipelined(t *testing.T, engine Engine) {
	src := NewSource(t)
	c := connect(t, engine, calm(), src, 0)
	c.send("GET / HTTP/1.1\r\nHost: test\r\n\r\nGET /second")
	c.head()
	src.AwaitStart()
	c.send(" HTTP/1.1\r\nHost: test\r\n") // never finished: it must not be waited for
	src.Say("hello,")
	c.expect("hello,")
	src.Say(strings.Repeat("x", 100_000))
	src.Finish()
	require.Equal(t, strings.Repeat("x", 100_000), c.rest())
	require.Equal(t, conn.ReasonEnd, src.AwaitClose())
}

// HTTP/1.0 has no chunks; the connection's end is the body's.
func testHTTP10(t *testing.T, engine Engine) {
	src := NewSource(t)
	src.Say("hello")
	src.Finish()
	c := connect(t, engine, calm(), src, 0)
	c.send("GET / HTTP/1.0\r\n\r\n")
	all, err := io.ReadAll(c.r)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(all), "HTTP/1.0 200 OK\r\n"), "%q", all)
	require.True(t, strings.HasSuffix(string(all), "\r\n\r\nhello"), "%q", all)
}
