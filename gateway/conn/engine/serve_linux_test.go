package engine

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/gateway/conn/conntest"
	"github.com/bellhop/bellhop/internal/server"
)

// lines is a log that several goroutines write.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Behind the whole middleware of a listener: what it sets on the response is in
// the head, and nothing that it does afterwards reaches the stream or is an
// error.
func TestBehindMiddleware(t *testing.T) {
	t.Parallel()
	log := &lines{}
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	origins, err := server.ParseOrigins([]string{"https://app.example.com"})
	require.NoError(t, err)
	s, err := server.New(server.Options{Logger: logger, Origins: origins})
	require.NoError(t, err)
	e := newEngine(t, Config{Logger: logger})
	src := conntest.NewSource(t)
	returned := make(chan struct{})
	s.Echo.GET("/stream", func(c echo.Context) error {
		defer close(returned)
		c.SetCookie(&http.Cookie{Name: "a", Value: "1"})
		e.Serve(c.Response(), c.Request(), []byte(": hi\n\n"), src, minute())
		return nil
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	serveOn(t, ln, s.Echo)

	req, err := http.NewRequest(http.MethodGet, "http://"+ln.Addr().String()+"/stream", nil)
	require.NoError(t, err)
	req.Header.Set("Origin", "https://app.example.com")
	req.Header.Set("X-Request-ID", "abc123")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, "abc123", resp.Header.Get("X-Request-ID"))
	require.Equal(t, "https://app.example.com", resp.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
	require.Equal(t, "a=1", resp.Header.Get("Set-Cookie"))
	<-returned
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "path=/stream status=200") }, patience, time.Millisecond)
	src.Say("hello")
	src.Finish()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, ": hi\n\nhello", string(body))
	require.Equal(t, 1, strings.Count(log.String(), "\n"), "%s", log)
}

func TestTLSIsCarriedByTheHandler(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Config{})
	src := conntest.NewSource(t)
	src.Say("hello")
	src.Finish()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.Serve(w, r, nil, src, minute())
	}))
	srv.StartTLS()
	t.Cleanup(srv.Close)
	c, err := tls.Dial("tcp", srv.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	require.NoError(t, err)
	defer c.Close()
	_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: test\r\n\r\n")
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "hello", string(body))
	require.Equal(t, conn.ReasonEnd, src.AwaitClose())
}

// plain hides what a response writer can do besides writing and flushing.
type plain struct{ http.ResponseWriter }

func (p plain) Flush() { p.ResponseWriter.(http.Flusher).Flush() }
func (p plain) SetWriteDeadline(t time.Time) error {
	return http.NewResponseController(p.ResponseWriter).SetWriteDeadline(t)
}

func TestWriterThatKeepsItsConnection(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Config{})
	src := conntest.NewSource(t)
	src.Say("hello")
	src.Finish()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.Serve(plain{w}, r, nil, src, minute())
	}))
	t.Cleanup(srv.Close)
	resp, err := http.Get(srv.URL)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "hello", string(body))
}

// wrapped is a listener whose connections are not what they seem.
type wrapped struct{ net.Listener }

type wrappedConn struct{ net.Conn }

func (l wrapped) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return wrappedConn{c}, nil
}

// A wrapped connection shows only when it can't go back to net/http any more.
func TestWrappedListener(t *testing.T) {
	t.Parallel()
	log := &lines{}
	e := newEngine(t, Config{Logger: slog.New(slog.NewTextHandler(log, nil))})
	src := conntest.NewSource(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	serveOn(t, wrapped{ln}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.Serve(w, r, nil, src, minute())
	}))
	_, err = http.Get("http://" + ln.Addr().String())
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, conn.ReasonError, src.AwaitClose())
	require.Contains(t, log.String(), "was the listener wrapped?")
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	e := newEngine(t, Config{Registerer: reg})
	_, err := New(Config{Registerer: reg})
	require.Error(t, err, "one engine for one registry")
	ended := make(chan conn.Reason, 1)
	e.cfg.Ended = func(r conn.Reason) { ended <- r }
	src := conntest.NewSource(t)
	src.Say("hello")
	src.Finish()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.Serve(w, r, nil, src, minute())
	}))
	t.Cleanup(srv.Close)
	c, err := net.Dial("tcp", srv.Listener.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: test\r\n\r\n")
	require.NoError(t, err)
	all, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Contains(t, string(all), "\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
	require.Equal(t, conn.ReasonEnd, <-ended)
	require.Eventually(t, func() bool { return testutil.ToFloat64(e.metrics.bytes) == float64(len(all)) }, patience, time.Millisecond)
	require.Equal(t, 1, int(testutil.ToFloat64(e.metrics.writes)), "the head goes with the first bytes")
	require.Zero(t, testutil.ToFloat64(e.metrics.blocked))
}
