package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

func TestReadinessFollowsTheChecks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, logs := newTest(t, Options{})
		var broken atomic.Bool
		s.AddCheck("bus", func(context.Context) error { return nil })
		s.AddCheck("log", func(context.Context) error {
			if broken.Load() {
				return errors.New("schema version does not fit")
			}
			return nil
		})
		require.Equal(t, 200, get(s, "/readyz").StatusCode)
		broken.Store(true)
		require.Equal(t, 200, get(s, "/readyz").StatusCode, "an outcome is shared for a moment")
		<-time.After(checkFresh)
		resp := get(s, "/readyz")
		p := problemOf(t, resp, 503)
		require.Equal(t, []any{
			map[string]any{"name": "bus", "state": "ok"}, map[string]any{"name": "log", "state": "failing"},
		}, p["checks"])
		require.Equal(t, "1", resp.Header.Get("Retry-After"))
		require.Contains(t, logs.String(), "msg=\"not ready\" check=log")
		require.Equal(t, 200, get(s, "/livez").StatusCode)
		broken.Store(false)
		<-time.After(checkFresh)
		require.Equal(t, 200, get(s, "/readyz").StatusCode)
		require.Contains(t, logs.String(), "ready again")
	})
}

// TestCheckThatComesLateCountsAtOnce: nobody is told of a round without it.
func TestCheckThatComesLateCountsAtOnce(t *testing.T) {
	t.Parallel()
	s, _ := newTest(t, Options{})
	require.Equal(t, 200, get(s, "/readyz").StatusCode)
	s.AddCheck("log", func(context.Context) error { return errors.New("away") })
	require.Equal(t, 503, get(s, "/readyz").StatusCode)
}

func TestCheckThatHangsIsAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _ := newTest(t, Options{})
		s.AddCheck("log", func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		began := time.Now()
		gone, cancel := context.WithCancel(t.Context())
		cancel() // whoever asks first and leaves does not spoil the round
		require.NotNil(t, s.notReady(gone, false))
		require.Equal(t, checkTimeout, time.Since(began))
	})
}

func TestDrainingIsNotReady(t *testing.T) {
	t.Parallel()
	s, _ := newTest(t, Options{})
	require.False(t, s.Draining())
	s.Drain()
	require.True(t, s.Draining())
	p := problemOf(t, get(s, "/readyz"), http.StatusServiceUnavailable)
	require.Equal(t, "draining", p["detail"])
	require.Equal(t, 200, get(s, "/livez").StatusCode)
}

// TestHEAD: balancers and monitors may ask by it.
func TestHEAD(t *testing.T) {
	t.Parallel()
	s, _ := newTest(t, Options{})
	ln := listen(t)
	stop, done := start(t, s, ln)
	client := newClient(t, nil)
	head := func(path string) *http.Response {
		resp, err := client.Head("http://" + ln.Addr().String() + path)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp
	}
	for _, path := range []string{"/livez", "/readyz", "/docs", "/openapi.json"} {
		resp := head(path)
		require.Equal(t, http.StatusOK, resp.StatusCode, path)
		require.NotEmpty(t, resp.Header.Get("Content-Type"), path)
	}
	s.Drain()
	require.Equal(t, http.StatusServiceUnavailable, head("/readyz").StatusCode)
	require.Equal(t, http.StatusOK, head("/livez").StatusCode)
	stop()
	require.NoError(t, wait(t, done))
}

// TestReasonsAreForTheAdminListener: why a part is away names accounts, hosts and
// versions, and /readyz is as public as the stream.
func TestReasonsAreForTheAdminListener(t *testing.T) {
	t.Parallel()
	const reason = "dial tcp 10.1.2.3:3306: access denied for bellhop@10.9.9.9"
	s, logs := newTest(t, Options{})
	var broken atomic.Bool
	s.AddCheck("log", func(context.Context) error {
		if broken.Load() {
			return errors.New(reason)
		}
		return nil
	})
	public, admin := listen(t), listen(t)
	stop, done := start(t, s, public)
	ctx, cancel := context.WithCancel(t.Context())
	adminDone := make(chan error, 1)
	go func() { adminDone <- s.ServeAdmin(ctx, admin, prometheus.NewRegistry()) }()
	client := newClient(t, nil)
	ask := func(ln net.Listener) (int, string) {
		resp, err := client.Get("http://" + ln.Addr().String() + readyPath)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, errors.Join(err, resp.Body.Close()))
		return resp.StatusCode, string(body)
	}
	for _, ln := range []net.Listener{public, admin} {
		status, body := ask(ln)
		require.Equal(t, http.StatusOK, status)
		require.JSONEq(t, `{"status":"ok"}`, body)
	}
	broken.Store(true)
	require.Eventually(t, func() bool { status, _ := ask(public); return status == http.StatusServiceUnavailable }, 10*time.Second, 10*time.Millisecond)
	_, body := ask(public)
	require.Contains(t, body, `{"name":"log","state":"failing"}`)
	require.NotContains(t, body, "10.1.2.3")
	status, body := ask(admin)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, reason)
	require.Contains(t, logs.String(), reason)
	s.Drain()
	_, body = ask(admin)
	require.Contains(t, body, "draining")
	stop()
	cancel()
	require.NoError(t, errors.Join(wait(t, done), wait(t, adminDone)))
}
