package server

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
)

// TestNobodyWhoIsConnectedIsCutOffByTheEnd: a proxy that has sent a request on a
// connection of its own can't try it elsewhere.
func TestNobodyWhoIsConnectedIsCutOffByTheEnd(t *testing.T) {
	t.Parallel()
	const clients = 500
	s, _ := newTest(t, Options{})
	hold := make(chan struct{})
	s.PaceStreams("/stream", roomy)
	s.Echo.GET("/stream", func(c echo.Context) error {
		<-hold
		return c.NoContent(http.StatusNoContent)
	})
	ln := listen(t)
	stop, result := start(t, s, ln)
	conns := make([]net.Conn, clients)
	for i := range conns {
		conns[i] = dial(t, ln)
		_, err := io.WriteString(conns[i], "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
	}
	stop()
	require.Eventually(t, s.Draining, 10*time.Second, time.Millisecond)
	close(hold)
	for i, conn := range conns {
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err, i)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusNoContent, resp.StatusCode, i)
	}
	require.NoError(t, wait(t, result))
	_, err := net.Dial("tcp", ln.Addr().String())
	require.Error(t, err, "the next one is refused")
}

// TestSilentConnectionsHoldTheEndUpForAMomentOnly: browsers open them in advance.
func TestSilentConnectionsHoldTheEndUpForAMomentOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		door, began := newEntrance("/stream"), time.Now()
		silent, gone := &numbered{n: 1}, &numbered{n: 2}
		door.came(gone)
		door.state(gone, http.StateActive)
		require.True(t, door.expects())
		door.state(gone, http.StateClosed)
		require.False(t, door.expects(), "it will say nothing any more")
		door.came(silent)
		door.waitForRequests(t.Context())
		require.Equal(t, speakTime, time.Since(began).Round(aheadGap*10))
		door.waitForRequests(t.Context())
		require.Less(t, time.Since(began), 2*speakTime, "it had its moment")
	})
}
