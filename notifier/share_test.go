package notifier

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// served is an API on a real listener, for what only sockets show.
func served(t *testing.T, a *api) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.server.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return ln.Addr().String()
}

// half sends the beginning of a request and leaves it at that, until the test ends.
func half(t *testing.T, address, key, path, body string, length int) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(waitFor)))
	_, err = fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		path, key, length, body)
	require.NoError(t, err)
	return c
}

func send(t *testing.T, address, key, path, body string) (status int, answer string) {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(half(t, address, key, path, body, len(body))), nil)
	require.NoError(t, err)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode, string(text)
}

// TestAttackUnfinishedBodies: bodies that begin and do not go on keep nobody from
// publishing, the service that sends them included.
func TestAttackUnfinishedBodies(t *testing.T) {
	t.Parallel()
	a := newAPI(t, &fakeLog{}, &fakeBus{})
	address := served(t, a)
	for range 64 {
		half(t, address, "all", "/v1/events/batch", "{", 100)
	}
	require.Eventually(t, func() bool { return a.bodies.held("shop") >= 64*requestCost }, waitFor, tick)
	for _, key := range []string{"second", "all"} {
		status, answer := send(t, address, key, "/v1/events/batch", `{"events":[`+hello+`]}`)
		require.Equal(t, http.StatusOK, status, answer)
	}
}

// TestBodiesOfOneServiceLeaveRoomForOthers: a service may have so much under way, and
// is told that it is its own that is too much; the rest is for others.
func TestBodiesOfOneServiceLeaveRoomForOthers(t *testing.T) {
	t.Parallel()
	a := newAPI(t, &fakeLog{}, &fakeBus{})
	a.bodies.limit = 1 << 20
	address := served(t, a)
	large := strings.Repeat(" ", 100<<10)
	var open []net.Conn
	for range 7 { // of 896 KiB that may be
		open = append(open, half(t, address, "all", "/v1/events/batch", large, len(large)+1))
	}
	require.Eventually(t, func() bool { return a.bodies.held("shop") == 7*int64(requestCost+len(large)) }, waitFor, tick)
	for _, path := range []string{"/v1/events", "/v1/events/batch"} {
		status, answer := send(t, address, "all", path, large)
		require.Equal(t, http.StatusServiceUnavailable, status, answer)
		require.Contains(t, answer, "this service has too many requests under way")
		require.Contains(t, answer, `"written":false`)
	}
	status, answer := send(t, address, "second", "/v1/events", hello)
	require.Equal(t, http.StatusCreated, status, answer)
	for _, c := range open {
		_ = c.Close()
	}
	require.Eventually(t, func() bool { return a.bodies.held("shop") == 0 && a.bodies.held("other") == 0 }, waitFor, tick, "what is over is given back")
	status, answer = send(t, address, "all", "/v1/events", hello)
	require.Equal(t, http.StatusCreated, status, answer)
}

// TestBodyOfUnknownLengthIsHeldToTheShare: what a head does not say is counted as it
// comes.
func TestBodyOfUnknownLengthIsHeldToTheShare(t *testing.T) {
	t.Parallel()
	a := newAPI(t, &fakeLog{}, &fakeBus{})
	a.bodies.limit = 256 << 10
	address := served(t, a)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/v1/events/batch",
		io.MultiReader(strings.NewReader(strings.Repeat(" ", 300<<10)))) // chunked
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer all")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: waitFor}
	resp, err := client.Do(req)
	require.NoError(t, err)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode, "%s", text)
	require.Contains(t, string(text), "this service has too many requests under way")
}

// TestQueueOfOneServiceLeavesRoomForOthers: a service that sends more than the log
// takes is refused its own events, and not those of others.
func TestQueueOfOneServiceLeavesRoomForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, letGo := holding()
		n := startFake(t, log, &fakeBus{}, func(c *Config) { c.QueueRows = 800 })
		defer letGo()
		job := func(service string) *job {
			j := testJob("user:1", "x")
			j.service = service
			return j
		}
		submit(t, n, job("greedy")) // under way from now on
		synctest.Wait()
		fill := func(service string) (taken int) {
			for {
				err := n.batcher.submit(job(service))
				if err != nil {
					require.ErrorIs(t, err, ErrShare)
					require.Contains(t, refusal(err).Detail, "of this service")
					return taken
				}
				taken++
			}
		}
		require.Equal(t, 700, fill("greedy"), "seven eighths")
		for i := range 3 {
			require.Positive(t, fill("another"+strconv.Itoa(i)))
		}
		require.Zero(t, fill("greedy"))
		letGo()
		synctest.Wait()
		require.Empty(t, n.batcher.queue.own, "what was written is given back")
	})
}

func (b *bodies) held(service string) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.own[service]
}
