package server

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestSocketOptions(t *testing.T) {
	t.Parallel()
	ln := listen(t)
	go func() {
		if c, err := net.Dial("tcp", ln.Addr().String()); err == nil {
			_ = c.Close()
		}
	}()
	c, err := ln.Accept()
	require.NoError(t, err)
	defer c.Close()
	raw, err := c.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		for name, want := range map[int]int64{
			unix.TCP_USER_TIMEOUT: deadPeer.Milliseconds(), unix.TCP_NOTSENT_LOWAT: unsent, unix.TCP_KEEPIDLE: 15, unix.TCP_KEEPINTVL: 15,
		} {
			got, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, name)
			require.NoError(t, err)
			require.EqualValues(t, want, got, name)
		}
		on, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_KEEPALIVE)
		require.NoError(t, err)
		require.Equal(t, 1, on)
	}))
}

// The kernel holds little of what a client does not take.
func TestClientThatDoesNotReadHoldsLittleMemory(t *testing.T) {
	t.Parallel()
	s, _ := newTest(t, Options{})
	taken := make(chan int, 1)
	s.Echo.GET("/", func(c echo.Context) error {
		rc := http.NewResponseController(c.Response().Writer)
		block, n := []byte(strings.Repeat("x", 16<<10)), 0
		for {
			if err := rc.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
				return err
			}
			if _, err := c.Response().Write(block); err != nil {
				taken <- n
				return err
			}
			n += len(block)
		}
	})
	ln := listen(t)
	stop, done := start(t, s, ln)
	c, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.(*net.TCPConn).SetReadBuffer(64<<10))
	_, err = c.Write([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	require.NoError(t, err)
	require.Less(t, wait(t, taken), 1<<20)
	stop()
	require.NoError(t, wait(t, done))
}
