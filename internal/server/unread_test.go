package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
)

// refuser serves POST / that reads nothing and refuses, POST /read that reads
// all, and the echo operation, whose limit is 64 bytes.
func refuser(t *testing.T, opt Options) (ln net.Listener) {
	t.Helper()
	s, _ := newTest(t, opt)
	s.Echo.POST("/", func(echo.Context) error { return NewProblem(http.StatusUnauthorized, "who is it?") })
	s.Echo.POST("/read", func(c echo.Context) error {
		if _, err := io.ReadAll(c.Request().Body); err != nil {
			return err
		}
		return c.NoContent(http.StatusNoContent)
	})
	registerEcho(s, func(context.Context, *echoInput) (*struct{}, error) { return &struct{}{}, nil })
	ln = listen(t)
	stop, done := start(t, s, ln)
	t.Cleanup(func() {
		stop()
		require.NoError(t, wait(t, done))
	})
	return ln
}

func dial(t *testing.T, ln net.Listener) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
	return c
}

func answerOf(t *testing.T, r *bufio.Reader) *http.Response {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp
}

// A client that sends everything before it reads anything gets its answer. What
// it sends is more than sockets hold: without the rest being read, it is stuck
// in the middle until the connection is reset.
func TestRefusalReachesAClientThatStillSends(t *testing.T) {
	t.Parallel()
	const (
		size   = 24 << 20
		chunks = "Transfer-Encoding: chunked"
	)
	declared := fmt.Sprintf("Content-Length: %d", size)
	for name, tt := range map[string]struct {
		limit      int64
		path, head string
		status     int
	}{
		"declared, over the listener's limit": {1 << 10, "/read", declared, 413},
		"chunked, over the listener's limit":  {1 << 10, "/read", chunks, 413},
		"declared, over the operation's":      {size, "/v1/echo", declared, 413},
		"chunked, over the operation's":       {size, "/v1/echo", chunks, 413},
		"declared, refused for its sender":    {size, "/", declared, 401},
		"chunked, refused for its sender":     {size, "/", chunks, 401},
		"nothing there":                       {size, "/nothing", declared, 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, refuser(t, Options{MaxBody: tt.limit, unreadIdle: time.Minute}))
			_, err := io.WriteString(c, "POST "+tt.path+" HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"+tt.head+"\r\n\r\n")
			require.NoError(t, err)
			piece := strings.Repeat("x", 64<<10)
			chunked := tt.head == chunks
			for range size / len(piece) {
				if chunked {
					_, err = fmt.Fprintf(c, "%x\r\n%s\r\n", len(piece), piece)
				} else {
					_, err = io.WriteString(c, piece)
				}
				require.NoError(t, err)
			}
			if chunked {
				_, err = io.WriteString(c, "0\r\n\r\n")
				require.NoError(t, err)
			}
			r := bufio.NewReader(c)
			resp := answerOf(t, r)
			require.Equal(t, tt.status, resp.StatusCode)
			require.True(t, resp.Close, "the client is told that the connection ends")
			_, err = r.ReadByte()
			require.ErrorIs(t, err, io.EOF, "an end, not a reset")
		})
	}
}

// The answer does not wait for the rest.
func TestRefusalComesBeforeTheBody(t *testing.T) {
	t.Parallel()
	ln := refuser(t, Options{MaxBody: 1 << 10, unreadIdle: time.Minute})
	for _, head := range []string{
		"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n",
		// Nothing invites the body: "100 Continue" would be the first answer.
		"POST /read HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 8000000\r\n\r\n",
		"POST /v1/echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 64\r\n\r\n",
	} {
		c := dial(t, ln)
		_, err := io.WriteString(c, head)
		require.NoError(t, err)
		require.Equal(t, http.StatusRequestEntityTooLarge, answerOf(t, bufio.NewReader(c)).StatusCode)
	}
}

// Neither a client that never stops nor one that says nothing keeps the server.
func TestReadingOfAnUnreadBodyIsBounded(t *testing.T) {
	t.Parallel()
	const short = 20 * time.Millisecond
	t.Run("in bytes", func(t *testing.T) {
		t.Parallel()
		c := dial(t, refuser(t, Options{unreadIdle: time.Minute}))
		_, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
		require.NoError(t, err)
		piece, sent := strings.Repeat("x", 1<<20), 0
		for err == nil && sent < 4*unreadBytes {
			_, err = fmt.Fprintf(c, "%x\r\n%s\r\n", len(piece), piece)
			sent += len(piece)
		}
		require.Error(t, err, "%d bytes were taken", sent)
		require.Greater(t, sent, unreadBytes)
	})
	for name, opt := range map[string]Options{
		"while nothing comes": {unreadIdle: short},
		"in time":             {unreadIdle: time.Minute, BodyTimeout: short},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, refuser(t, opt))
			_, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\nx")
			require.NoError(t, err)
			r := bufio.NewReader(c)
			require.Equal(t, http.StatusUnauthorized, answerOf(t, r).StatusCode)
			_, err = r.ReadByte()
			require.ErrorIs(t, err, io.EOF)
		})
	}
}

// TestAnswersDoNotWaitForBodiesThatNobodyReads: a body that was announced and never
// comes holds up neither the answer nor the end of the server.
func TestAnswersDoNotWaitForBodiesThatNobodyReads(t *testing.T) {
	t.Parallel()
	// In this test's patience, a minute, BodyTimeout never ends.
	ln := refuser(t, Options{unreadIdle: 100 * time.Millisecond, BodyTimeout: time.Hour, WriteTimeout: time.Hour})
	for _, head := range []string{
		"GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n",
		"GET /livez HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET /livez HTTP/1.0\r\nContent-Length: 10\r\n\r\n",
		"GET /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf",
	} {
		c := dial(t, ln)
		_, err := io.WriteString(c, head)
		require.NoError(t, err)
		r := bufio.NewReader(c)
		require.NotZero(t, answerOf(t, r).StatusCode, head)
		_, err = r.ReadByte()
		require.ErrorIs(t, err, io.EOF, head)
	}
	c := dial(t, ln)
	_, err := io.WriteString(c, "HEAD /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
	require.NoError(t, err)
	text, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Contains(t, string(text), "HTTP/1.1 200 OK")
}

// On HTTP/2 a refusal ends its own request, and no other's connection.
func TestRefusalOverHTTP2KeepsTheConnection(t *testing.T) {
	t.Parallel()
	ln := refuser(t, Options{unreadIdle: time.Minute})
	client := newClient(t, func(tr *http.Transport) {
		tr.Protocols = new(http.Protocols)
		tr.Protocols.SetUnencryptedHTTP2(true)
	})
	for i := range 3 {
		reused := false
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }})
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+ln.Addr().String(), strings.NewReader(strings.Repeat("x", 8<<20)))
		require.NoError(t, err)
		resp, err := client.Do(r)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
		require.Equal(t, i > 0, reused)
	}
}

// A small rest is read before the answer, and the connection goes on.
func TestSmallRefusedBodiesKeepTheConnection(t *testing.T) {
	t.Parallel()
	c := dial(t, refuser(t, Options{}))
	r := bufio.NewReader(c)
	for range 3 {
		_, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n"+strings.Repeat("x", 60000))
		require.NoError(t, err)
		resp := answerOf(t, r)
		require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
		require.False(t, resp.Close)
	}
}

// Where there is no connection, as behind a recorder, there is nothing to wait
// for.
func TestUnreadBodyWithoutAConnection(t *testing.T) {
	t.Parallel()
	s, _ := newTest(t, Options{unreadIdle: time.Minute})
	s.Echo.POST("/", func(echo.Context) error { return NewProblem(http.StatusConflict, "no") })
	problemOf(t, do(s, httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader("x")))), 409)
}
