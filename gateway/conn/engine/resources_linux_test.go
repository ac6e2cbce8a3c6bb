package engine

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/gateway/conn/conntest"
)

// serve has the engine answer every request with a stream of next, and returns
// the server's address.
func serve(t *testing.T, e *Engine, opt conn.Options, next func() conn.Source) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	serveOn(t, ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.Serve(w, r, []byte(": hi\n\n"), next(), opt)
	}))
	return ln.Addr().String()
}

func serveOn(t *testing.T, ln net.Listener, h http.Handler) {
	t.Helper()
	srv := &http.Server{Handler: h}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	t.Cleanup(func() {
		require.NoError(t, srv.Close())
		require.ErrorIs(t, <-done, http.ErrServerClosed)
	})
}

// request opens a stream and returns its connection without reading.
func request(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: test\r\n\r\n")
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(3*patience)))
	return c.(*net.TCPConn)
}

// accepted are this process's descriptors of connections that a listener on
// addr accepted, by their peers' addresses.
func accepted(t *testing.T, addr string) map[string]int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	found := make(map[string]int)
	for _, e := range fds {
		fd, err := strconv.Atoi(e.Name())
		require.NoError(t, err)
		local, err := unix.Getsockname(fd)
		if err != nil || address(local) != addr {
			continue
		}
		if remote, err := unix.Getpeername(fd); err == nil {
			found[address(remote)] = fd
		}
	}
	return found
}

func address(sa unix.Sockaddr) string {
	in, ok := sa.(*unix.SockaddrInet4)
	if !ok {
		return ""
	}
	return net.JoinHostPort(net.IP(in.Addr[:]).String(), strconv.Itoa(in.Port))
}

// kernelMemory is what the socket holds in the kernel, in bytes: both queues,
// bookkeeping included.
func kernelMemory(t *testing.T, fd int) int {
	t.Helper()
	var info [9]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	require.Zero(t, errno)
	return int(info[unix.SK_MEMINFO_RMEM_ALLOC] + info[unix.SK_MEMINFO_WMEM_QUEUED])
}

// known tells whether the kernel still has the server's end of a connection in
// its tables, owned by a descriptor or not.
func known(t *testing.T, server, client net.Addr) bool {
	t.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	require.NoError(t, err)
	hex := func(a net.Addr) string {
		tcp := a.(*net.TCPAddr)
		ip := tcp.IP.To4()
		return strings.ToUpper(strings.Join([]string{hex8(ip[3]), hex8(ip[2]), hex8(ip[1]), hex8(ip[0])}, "") +
			":" + hex8(byte(tcp.Port>>8)) + hex8(byte(tcp.Port)))
	}
	return strings.Contains(string(table), ": "+hex(server)+" "+hex(client)+" ")
}

func hex8(b byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[b>>4], digits[b&15]})
}

// A client that does not read costs the kernel little, on both ends of the
// loopback together; and when it is dropped, nothing of that stays behind.
func TestStalledClientIsCheap(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Config{})
	src := conntest.NewSource(t)
	src.Endless = strings.Repeat("x", 8<<10)
	opt := conn.Options{Heartbeat: time.Minute, SlowTimeout: 5 * time.Second}
	addr := serve(t, e, opt, func() conn.Source { return src })
	c := request(t, addr)
	src.AwaitStart()
	// The source is not asked for a while when the kernel has all that it takes.
	asked := -1
	require.Eventually(t, func() bool {
		before := asked
		asked = src.Asked()
		return asked > 1 && asked == before
	}, patience, 200*time.Millisecond)
	fd, ok := accepted(t, addr)[c.LocalAddr().String()]
	require.True(t, ok)
	ours := kernelMemory(t, fd)
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	theirs := 0
	require.NoError(t, raw.Control(func(fd uintptr) { theirs = kernelMemory(t, int(fd)) }))
	t.Logf("a stalled client holds %d bytes here, %d at its end", ours, theirs)
	require.Greater(t, ours, 8<<10)
	require.LessOrEqual(t, ours, 100<<10)
	require.LessOrEqual(t, ours+theirs, 300<<10)

	require.True(t, known(t, c.RemoteAddr(), c.LocalAddr()))
	require.Equal(t, conn.ReasonSlow, src.AwaitClose())
	require.Empty(t, accepted(t, addr))
	require.False(t, known(t, c.RemoteAddr(), c.LocalAddr()), "no orphan holds what the client did not take")
	_, err = io.Copy(io.Discard, c)
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

// An open stream has no goroutine, here or in net/http, and a slot that is small.
// Not parallel: other tests have goroutines of their own.
func TestStreamsHaveNoGoroutines(t *testing.T) {
	const streams = 50
	e := newEngine(t, Config{})
	started := make(chan *conntest.Source, streams)
	addr := serve(t, e, minute(), func() conn.Source {
		src := conntest.NewSource(t)
		started <- src
		return src
	})
	request(t, addr)
	(<-started).AwaitStart()
	before := runtime.NumGoroutine()
	for range streams {
		request(t, addr)
		(<-started).AwaitStart()
	}
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+streams/10 }, patience, time.Millisecond)
	require.Len(t, accepted(t, addr), streams+1)
	require.LessOrEqual(t, unsafe.Sizeof(slot{}), uintptr(48))
}

// A client that sends on and on is stopped by its window.
func TestChattyClientIsCheap(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Config{})
	src := conntest.NewSource(t)
	addr := serve(t, e, minute(), func() conn.Source { return src })
	c := request(t, addr)
	src.AwaitStart()
	require.NoError(t, c.SetWriteDeadline(time.Now().Add(300*time.Millisecond)))
	_, err := c.Write(make([]byte, 16<<20))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	fd, ok := accepted(t, addr)[c.LocalAddr().String()]
	require.True(t, ok)
	require.LessOrEqual(t, kernelMemory(t, fd), 100<<10)
}

// However streams end, their descriptors are closed.
func TestNoDescriptorStays(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Config{Shards: 2})
	sources := make(chan *conntest.Source, 64)
	addr := serve(t, e, minute(), func() conn.Source {
		src := conntest.NewSource(t)
		sources <- src
		return src
	})
	ends := map[string]func(c *net.TCPConn, src *conntest.Source){
		"closed": func(c *net.TCPConn, _ *conntest.Source) { _ = c.Close() },
		"reset": func(c *net.TCPConn, _ *conntest.Source) {
			_ = c.SetLinger(0)
			_ = c.Close()
		},
		"half-closed": func(c *net.TCPConn, _ *conntest.Source) { _ = c.CloseWrite() },
		"ended": func(c *net.TCPConn, src *conntest.Source) {
			src.Finish()
			_, err := io.Copy(io.Discard, c)
			require.NoError(t, err)
			require.NoError(t, c.Close())
		},
		"left open by the client": func(_ *net.TCPConn, src *conntest.Source) { src.Finish() },
	}
	for range 8 {
		for _, end := range ends {
			c := request(t, addr)
			src := <-sources
			src.AwaitStart()
			end(c, src)
			src.AwaitClose()
		}
	}
	require.Eventually(t, func() bool { return len(accepted(t, addr)) == 0 }, patience, 20*time.Millisecond)
}

// Streams that their sources do not end are cut off when the time of the stop is
// up, and their clients see that the response is not complete.
func TestStopCutsOff(t *testing.T) {
	t.Parallel()
	e, err := New(Config{})
	require.NoError(t, err)
	src := conntest.NewSource(t)
	addr := serve(t, e, minute(), func() conn.Source { return src })
	c := request(t, addr)
	src.AwaitStart()
	ctx, cancel := context.WithCancelCause(context.Background())
	enough := errors.New("enough")
	time.AfterFunc(20*time.Millisecond, func() { cancel(enough) })
	require.ErrorIs(t, e.Stop(ctx), enough)
	require.Equal(t, conn.ReasonStop, src.AwaitClose())
	require.Empty(t, accepted(t, addr))
	_, err = io.Copy(io.Discard, c)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.NoError(t, e.Stop(ctx), "a second time there is nothing to cut off")
}

func TestStopWaitsForTheEnds(t *testing.T) {
	t.Parallel()
	e, err := New(Config{})
	require.NoError(t, err)
	src := conntest.NewSource(t)
	addr := serve(t, e, minute(), func() conn.Source { return src })
	c := request(t, addr)
	src.AwaitStart()
	time.AfterFunc(20*time.Millisecond, src.Finish)
	read := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(c)
		_ = c.Close()
		read <- string(all)
	}()
	require.NoError(t, e.Stop(t.Context()))
	require.Empty(t, accepted(t, addr))
	require.True(t, strings.HasSuffix(<-read, "\r\n0\r\n\r\n"))
}

// After the stop streams are carried by their handlers.
func TestServeAfterStop(t *testing.T) {
	t.Parallel()
	ended := make(chan conn.Reason, 1)
	e, err := New(Config{Ended: func(r conn.Reason) { ended <- r }})
	require.NoError(t, err)
	require.NoError(t, e.Stop(t.Context()))
	src := conntest.NewSource(t)
	src.Say("hello")
	src.Finish()
	resp, err := http.Get("http://" + serve(t, e, minute(), func() conn.Source { return src }))
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, ": hi\n\nhello", string(body))
	require.False(t, resp.Close)
	require.Equal(t, conn.ReasonEnd, src.AwaitClose())
	require.Equal(t, conn.ReasonEnd, <-ended)
}
