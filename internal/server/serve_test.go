package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := Listen(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

// start serves until the test stops it; the channel gives Serve's result.
func start(t *testing.T, s *Server, lns ...net.Listener) (stop context.CancelFunc, result <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, lns...) }()
	t.Cleanup(cancel)
	return cancel, done
}

func wait[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(10 * time.Second):
		require.FailNow(t, "nothing came in 10 s")
		panic("unreachable")
	}
}

func newClient(t *testing.T, configure func(*http.Transport)) *http.Client {
	t.Helper()
	tr := &http.Transport{}
	if configure != nil {
		configure(tr)
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func TestServeSpeaksHTTP1AndHTTP2InClearText(t *testing.T) {
	t.Parallel()
	s, _ := newTest(t, Options{})
	s.Echo.GET("/", func(c echo.Context) error { return c.String(http.StatusOK, c.Request().Proto) })
	one, two := listen(t), listen(t)
	stop, done := start(t, s, one, two)
	h2 := newClient(t, func(tr *http.Transport) {
		tr.Protocols = new(http.Protocols)
		tr.Protocols.SetUnencryptedHTTP2(true)
	})
	for _, tc := range []struct {
		client *http.Client
		ln     net.Listener
		proto  string
	}{{newClient(t, nil), one, "HTTP/1.1"}, {newClient(t, nil), two, "HTTP/1.1"}, {h2, one, "HTTP/2.0"}} {
		resp, err := tc.client.Get("http://" + tc.ln.Addr().String())
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, tc.proto, string(body))
	}
	stop()
	require.NoError(t, wait(t, done))
}

func TestServeFinishesRequestsUnderWay(t *testing.T) {
	t.Parallel()
	s, _ := newTest(t, Options{})
	ln := listen(t)
	entered, hooked, release := make(chan struct{}), make(chan struct{}), make(chan struct{})
	s.Echo.GET("/slow", func(c echo.Context) error {
		close(entered)
		<-release
		return c.String(http.StatusOK, "whole")
	})
	s.OnDrain(func(context.Context) { close(hooked); <-release })
	stop, done := start(t, s, ln)
	client := newClient(t, nil)

	answer := make(chan string, 1)
	go func() {
		resp, err := client.Get("http://" + ln.Addr().String() + "/slow")
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		answer <- fmt.Sprint(string(b), err)
	}()
	wait(t, entered)
	stop()
	wait(t, hooked)
	// While the hooks run, the listener still answers, and says what goes on.
	resp, err := newClient(t, nil).Get("http://" + ln.Addr().String() + "/readyz")
	require.NoError(t, err)
	problemOf(t, resp, 503)
	require.NoError(t, resp.Body.Close())
	close(release)
	require.Equal(t, "whole<nil>", wait(t, answer))
	require.NoError(t, wait(t, done))
}

func TestServeCutsOffWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	s, logs := newTest(t, Options{ShutdownTimeout: 20 * time.Millisecond})
	s.OnDrain(func(ctx context.Context) { <-ctx.Done() })
	ln := listen(t)
	entered := make(chan struct{})
	s.Echo.GET("/stuck", func(c echo.Context) error {
		close(entered)
		<-c.Request().Context().Done()
		return nil
	})
	stop, done := start(t, s, ln)
	go func() {
		if resp, err := newClient(t, nil).Get("http://" + ln.Addr().String() + "/stuck"); err == nil {
			_ = resp.Body.Close()
		}
	}()
	wait(t, entered)
	stop()
	require.NoError(t, wait(t, done))
	require.Contains(t, logs.String(), "requests were cut off")
}

// A hook that takes all its time leaves some for the requests under way.
func TestHooksLeaveTimeForRequests(t *testing.T) {
	t.Parallel()
	s, logs := newTest(t, Options{ShutdownTimeout: 5 * time.Second})
	ln := listen(t)
	entered, hooked := make(chan struct{}), make(chan struct{})
	s.OnDrain(func(ctx context.Context) { <-ctx.Done(); close(hooked) })
	s.Echo.GET("/", func(c echo.Context) error {
		close(entered)
		<-hooked
		return c.NoContent(http.StatusNoContent)
	})
	stop, done := start(t, s, ln)
	answer := make(chan int, 1)
	client := newClient(t, nil)
	go func() {
		resp, err := client.Get("http://" + ln.Addr().String())
		if err != nil {
			answer <- 0
			return
		}
		_ = resp.Body.Close()
		answer <- resp.StatusCode
	}()
	wait(t, entered)
	stop()
	require.NoError(t, wait(t, done))
	require.Equal(t, http.StatusNoContent, wait(t, answer))
	require.NotContains(t, logs.String(), "cut off")
}

func TestServeReportsAListenerThatFails(t *testing.T) {
	t.Parallel()
	s, _ := newTest(t, Options{})
	ln := listen(t)
	require.NoError(t, ln.Close())
	require.ErrorIs(t, s.Serve(t.Context(), listen(t), ln), net.ErrClosed)
}

func TestSlowClientsAreCutOff(t *testing.T) {
	t.Parallel()
	const short = 50 * time.Millisecond
	for name, tc := range map[string]struct {
		opt      Options
		sent     string
		expected string
	}{
		"head":  {Options{HeaderTimeout: short}, "GET / HTTP/1.1\r\nHost:", ""},
		"body":  {Options{BodyTimeout: short}, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf", "408 Request Timeout"},
		"idle":  {Options{IdleTimeout: short}, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "204 No Content"},
		"large": {Options{MaxBody: 3, IdleTimeout: short}, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nmore", "413 Request Entity Too Large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newTest(t, tc.opt)
			s.Echo.Any("/", func(c echo.Context) error {
				if _, err := io.ReadAll(c.Request().Body); err != nil {
					return err
				}
				return c.NoContent(http.StatusNoContent)
			})
			ln := listen(t)
			stop, done := start(t, s, ln)
			c, err := net.Dial("tcp", ln.Addr().String())
			require.NoError(t, err)
			defer c.Close()
			_, err = io.WriteString(c, tc.sent)
			require.NoError(t, err)
			require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
			answer, err := io.ReadAll(bufio.NewReader(c)) // to the end: the server closes
			require.NoError(t, err)
			require.Contains(t, string(answer), tc.expected)
			stop()
			require.NoError(t, wait(t, done))
		})
	}
}

// A deadline for the body must not outlive it: net/http takes a read that fails
// while the handler works for a client that left.
func TestBodyTimeoutEndsWithTheBody(t *testing.T) {
	t.Parallel()
	const short = 30 * time.Millisecond
	s, _ := newTest(t, Options{BodyTimeout: short})
	s.Echo.POST("/", func(c echo.Context) error {
		if _, err := io.ReadAll(c.Request().Body); err != nil {
			return err
		}
		select {
		case <-c.Request().Context().Done():
			return c.String(http.StatusOK, "cancelled")
		case <-time.After(4 * short):
			return c.String(http.StatusOK, "whole")
		}
	})
	ln := listen(t)
	stop, done := start(t, s, ln)
	resp, err := newClient(t, nil).Post("http://"+ln.Addr().String(), "text/plain", strings.NewReader("x"))
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, "whole", string(body))
	stop()
	require.NoError(t, wait(t, done))
}

// A panic after the first byte must not look like a whole answer.
func TestPanicAfterTheHeadCutsTheConnection(t *testing.T) {
	t.Parallel()
	s, logs := newTest(t, Options{})
	s.Echo.GET("/", func(c echo.Context) error {
		_, _ = io.WriteString(c.Response(), "half")
		c.Response().Flush()
		panic("torn")
	})
	ln := listen(t)
	stop, done := start(t, s, ln)
	resp, err := newClient(t, nil).Get("http://" + ln.Addr().String())
	require.NoError(t, err)
	_, err = io.ReadAll(resp.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NoError(t, resp.Body.Close())
	require.Contains(t, logs.String(), "torn")
	stop()
	require.NoError(t, wait(t, done))
}

func TestAdminListener(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "bellhop_test", Help: "A test's."}, func() float64 { return 7 }))
	ln := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	s, _ := newTest(t, Options{})
	go func() { done <- s.ServeAdmin(ctx, ln, reg) }()
	client := newClient(t, nil)
	for path, want := range map[string]string{
		"/metrics": "bellhop_test 7", "/debug/pprof/": "goroutine", "/debug/pprof/cmdline": "server.test",
	} {
		resp, err := client.Get("http://" + ln.Addr().String() + path)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, 200, resp.StatusCode)
		require.Contains(t, string(body), want)
	}
	require.Equal(t, http.StatusNotFound, get(s, "/metrics").StatusCode)
	require.Equal(t, http.StatusNotFound, get(s, "/debug/pprof/").StatusCode)
	cancel()
	require.NoError(t, wait(t, done))
}

// TestAttackSlowAdminRequests: the admin listener bounds heads and bodies too.
func TestAttackSlowAdminRequests(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		timeout time.Duration
		sent    string
		want    string // empty: the connection is closed without a word
	}{
		"slow head": {time.Second, "GET /metrics HTTP/1.1\r\nHost:", ""},
		"slow body": {time.Second, "POST /debug/pprof/symbol HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf", "num_symbols"},
		"large head": {adminTimeout, "GET /metrics HTTP/1.1\r\nHost: a\r\nX-Flood: " + strings.Repeat("x", 2*maxHeader) + "\r\n\r\n",
			"431 Request Header Fields Too Large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ln := listen(t)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			s, _ := newTest(t, Options{})
			srv := s.adminServer(prometheus.NewRegistry(), tt.timeout)
			go func() { done <- serve(ctx, srv, s.log, []net.Listener{ln}, time.Second, func(context.Context) {}) }()
			c := dial(t, ln)
			answer := make(chan string, 1)
			go func() { // before the server closes what it has not read to the end
				text, err := io.ReadAll(c) // to the end: the server closes
				if err != nil {
					text = append(text, err.Error()...)
				}
				answer <- string(text)
			}()
			_, err := io.WriteString(c, tt.sent)
			require.NoError(t, err)
			if tt.want == "" {
				require.Empty(t, wait(t, answer))
			} else {
				require.Contains(t, wait(t, answer), tt.want)
			}
			cancel()
			require.NoError(t, wait(t, done))
		})
	}
}
