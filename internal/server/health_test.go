package server

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

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
		require.Equal(t, []any{map[string]any{"name": "log", "detail": "schema version does not fit"}}, p["checks"])
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
	require.Empty(t, s.Ready(t.Context()))
	s.AddCheck("log", func(context.Context) error { return errors.New("away") })
	require.Equal(t, []CheckFailure{{Name: "log", Detail: "away"}}, s.Ready(t.Context()))
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
		require.Len(t, s.Ready(gone), 1)
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
