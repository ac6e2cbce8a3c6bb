package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
)

// TestClientsThatLeaveRaiseNoAlarm: whatever a handler makes of a request that was
// given up, its line is one of many, and no cause for anybody to look into.
func TestClientsThatLeaveRaiseNoAlarm(t *testing.T) {
	t.Parallel()
	s, logs := newTest(t, Options{})
	entered := make(chan struct{})
	left := func(ctx context.Context) error {
		entered <- struct{}{}
		<-ctx.Done()
		return fmt.Errorf("read events: %w", ctx.Err())
	}
	away := func(ctx context.Context) error {
		return NewProblem(http.StatusServiceUnavailable, "the log is away").Because(left(ctx))
	}
	s.Echo.GET("/left", func(c echo.Context) error { return left(c.Request().Context()) })
	s.Echo.GET("/away", func(c echo.Context) error { return away(c.Request().Context()) })
	registerEcho(s, func(ctx context.Context, in *echoInput) (*struct{}, error) {
		if in.Body.Name == "left" {
			return nil, left(ctx)
		}
		return nil, away(ctx)
	})
	ln := listen(t)
	stop, done := start(t, s, ln)
	client := newClient(t, nil)
	for _, request := range [][3]string{
		{http.MethodGet, "/left"}, {http.MethodGet, "/away"},
		{http.MethodPost, "/v1/echo", `{"name":"left"}`}, {http.MethodPost, "/v1/echo", `{"name":"away"}`},
	} {
		ctx, leave := context.WithCancel(t.Context())
		go func() {
			<-entered
			leave()
		}()
		r, err := http.NewRequestWithContext(ctx, request[0], "http://"+ln.Addr().String()+request[1], strings.NewReader(request[2]))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		_, err = client.Do(r)
		require.ErrorIs(t, err, context.Canceled)
	}
	require.Eventually(t, func() bool { return strings.Count(logs.String(), "msg=request") == 4 }, 10*time.Second, time.Millisecond)
	require.Equal(t, 4, strings.Count(logs.String(), "status=503"), logs.String())
	require.NotContains(t, logs.String(), "level=WARN")
	require.NotContains(t, logs.String(), "level=ERROR")
	stop()
	require.NoError(t, wait(t, done))
}

// TestCancelledWorkOfAClientWhoWaitsIsAnAlarm: it was not the client who gave up.
func TestCancelledWorkOfAClientWhoWaitsIsAnAlarm(t *testing.T) {
	t.Parallel()
	s, logs := newTest(t, Options{})
	s.Echo.GET("/", func(echo.Context) error {
		return NewProblem(http.StatusServiceUnavailable, "away").Because(errors.Join(errors.New("closing"), context.Canceled))
	})
	problemOf(t, get(s, "/"), http.StatusServiceUnavailable)
	require.Contains(t, logs.String(), "level=WARN msg=request")
}
