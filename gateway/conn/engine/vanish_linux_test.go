package engine

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/gateway/conn/conntest"
)

// vanish has a client's socket take no packet any more, as if its network were
// gone: nothing is acknowledged, and nothing is said either. A filter without
// any condition drops what arrives before TCP sees it.
func vanish(t *testing.T, c *net.TCPConn) {
	t.Helper()
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	nothing := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
	require.NoError(t, raw.Control(func(fd uintptr) {
		err = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &nothing})
	}))
	require.NoError(t, err)
}

// A client that vanished without a word is noticed although what is sent to it,
// heartbeats alone, would not fill the buffer in hours.
func TestVanishedClientIsNoticed(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Config{})
	src := conntest.NewSource(t)
	opt := conn.Options{Heartbeat: 50 * time.Millisecond, SlowTimeout: 30 * time.Second}
	addr := serve(t, e, opt, func() conn.Source { return src })
	c := request(t, addr)
	src.AwaitStart()
	fd, ok := accepted(t, addr)[c.LocalAddr().String()]
	require.True(t, ok)
	timeout, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
	require.NoError(t, err)
	require.Equal(t, int((opt.SlowTimeout+silenceMargin)/time.Millisecond), timeout)
	probes, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE)
	require.NoError(t, err)
	require.Zero(t, probes, "its heartbeats ask")
	// The same, but not so long.
	require.NoError(t, unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 500))
	vanish(t, c)
	require.Equal(t, conn.ReasonClient, src.AwaitClose())
	require.Empty(t, accepted(t, addr))
}

// An hour is the longest that the kernel is asked to wait, however patient the
// options are.
func TestPatienceWithTheVanishedHasABound(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Config{})
	src := conntest.NewSource(t)
	addr := serve(t, e, conn.Options{Heartbeat: time.Minute, SlowTimeout: 1000 * time.Hour}, func() conn.Source { return src })
	c := request(t, addr)
	src.AwaitStart()
	fd, ok := accepted(t, addr)[c.LocalAddr().String()]
	require.True(t, ok)
	timeout, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
	require.NoError(t, err)
	require.Equal(t, int((time.Hour+silenceMargin)/time.Millisecond), timeout)
}
