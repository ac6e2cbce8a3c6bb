package engine

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/gateway/conn/conntest"
)

// A descriptor that epoll does not take: a stream that could not be watched would
// stay for ever.
func TestArrivalThatCannotBeWatched(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	fd, err := unix.Open(filepath.Join(t.TempDir(), "file"), unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	require.NoError(t, err)
	src := conntest.NewSource(t)
	b.begin(&arrival{fd: fd, src: src, opt: minute()})
	require.Equal(t, conn.ReasonError, src.AwaitClose())
	require.Zero(t, b.slab.used)
}

// One whose room can't be watched would never be written to again.
func TestBlockedStreamThatCannotBeWatched(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.connect(minute())
	require.NoError(t, unix.EpollCtl(b.poller.fd, unix.EPOLL_CTL_DEL, int(p.slot().fd), nil))
	p.src.Say(strings.Repeat("x", 1<<20))
	b.work()
	require.Equal(t, conn.ReasonError, p.src.AwaitClose())
	require.Equal(t, free, p.slot().state)
}

// A peer that is gone when its rest is written.
func TestBlockedStreamWhosePeerLeft(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.connect(minute())
	p.src.Say(strings.Repeat("x", 1<<20))
	b.work()
	require.Equal(t, blocked, p.slot().state)
	require.NoError(t, unix.Close(p.fd))
	p.fd = -1
	b.resume(p.i, p.slot())
	require.Equal(t, conn.ReasonClient, p.src.AwaitClose())
}

// A stop does not wait for peers that have not taken the end of their response.
func TestCutOffWhileLingering(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	taken, untaken := b.connect(minute()), b.connect(minute())
	for _, p := range []*peer{taken, untaken} {
		p.src.Say("bye")
		p.src.Finish()
	}
	b.work()
	taken.read()
	b.cutOff()
	require.Zero(t, b.slab.used)
	require.Zero(t, b.cut.Load(), "their streams were over")
	_, end := untaken.read()
	require.True(t, end)
}

// hijacked is a response writer that gives its connection away.
type hijacked struct {
	*httptest.ResponseRecorder
	hijack func() (net.Conn, error)
}

func (h hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, err := h.hijack()
	return c, nil, err
}

// connected returns both ends of a connection.
func connected(t *testing.T) (server, client *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	s, err := ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s.(*net.TCPConn), c.(*net.TCPConn)
}

// What goes wrong once a connection was taken from net/http ends it, and its
// source is told.
func TestTakingOverFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		spoil func(t *testing.T, e *Engine, server, client *net.TCPConn)
		want  conn.Reason
	}{
		"an answer before fills the socket": {func(t *testing.T, _ *Engine, server, client *net.TCPConn) {
			t.Helper()
			require.NoError(t, client.SetReadBuffer(4<<10))
			for n := 1; n > 0; { // until it takes nothing any more
				require.NoError(t, server.SetWriteDeadline(time.Now().Add(100*time.Millisecond)))
				var err error
				n, err = server.Write(make([]byte, 1<<20))
				require.True(t, err == nil || errors.Is(err, os.ErrDeadlineExceeded), err)
			}
		}, conn.ReasonSlow},
		"the client resets": {func(t *testing.T, _ *Engine, server, client *net.TCPConn) {
			t.Helper()
			require.NoError(t, client.SetLinger(0))
			require.NoError(t, client.Close())
			_, err := server.Read(make([]byte, 1)) // it has come
			require.ErrorIs(t, err, unix.ECONNRESET)
		}, conn.ReasonClient},
		"the engine stops": {func(t *testing.T, e *Engine, _, _ *net.TCPConn) {
			t.Helper()
			require.NoError(t, e.Stop(t.Context()))
		}, conn.ReasonStop},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended := make(chan conn.Reason, 1)
			e := newEngine(t, Config{Ended: func(r conn.Reason) { ended <- r }})
			server, client := connected(t)
			w := hijacked{httptest.NewRecorder(), func() (net.Conn, error) {
				tt.spoil(t, e, server, client)
				return server, nil
			}}
			src := conntest.NewSource(t)
			opt := conn.Options{Heartbeat: time.Minute, SlowTimeout: 100 * time.Millisecond}
			require.True(t, e.loops.take(w, []byte(": hi\n\n"), src, opt))
			require.Equal(t, tt.want, src.AwaitClose())
			require.Equal(t, tt.want, <-ended)
			require.Empty(t, accepted(t, server.LocalAddr().String()))
		})
	}
}

// deaf is a response writer whose client left before the head.
type deaf struct{ http.ResponseWriter }

func (deaf) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestGreetingNobody(t *testing.T) {
	t.Parallel()
	ended := make(chan conn.Reason, 1)
	e := newEngine(t, Config{Ended: func(r conn.Reason) { ended <- r }})
	src := conntest.NewSource(t)
	e.Serve(deaf{httptest.NewRecorder()}, httptest.NewRequest(http.MethodGet, "/", nil), []byte(": hi\n\n"), src, minute())
	require.Equal(t, conn.ReasonClient, src.AwaitClose())
	require.Equal(t, conn.ReasonClient, <-ended)
}

// A peer that sent more than its request and reads late gets the end of its
// response, not a reset in its place.
func TestUnreadBytesDoNotSpoilTheEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	server, client := connected(t)
	fd, err := detach(server, 16<<10, time.Minute)
	require.NoError(t, err)
	require.NoError(t, server.Close())
	src := conntest.NewSource(t)
	i := b.nextSlot()
	b.begin(&arrival{fd: fd, src: src, opt: minute()})
	_, err = client.Write([]byte("GET /second"))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		n, err := unix.IoctlGetInt(fd, unix.SIOCINQ)
		return err == nil && n > 0
	}, patience, time.Millisecond)
	src.Say("bye")
	src.Finish()
	b.work()
	require.Equal(t, conn.ReasonEnd, src.AwaitClose())
	require.Eventually(t, func() bool { return untaken(int32(fd)) == 0 }, patience, time.Millisecond)
	b.visit(i) // sees that all was taken
	b.pass(time.Duration(lingerTime))
	b.visit(i)
	require.Equal(t, free, b.slab.slot(i).state)
	_, err = client.Write([]byte("x"))
	require.NoError(t, err, "a connection that was reset refuses it")
	require.NoError(t, client.SetReadDeadline(time.Now().Add(patience)))
	got, err := io.ReadAll(client)
	require.NoError(t, err)
	require.Equal(t, "3\r\nbye\r\n0\r\n\r\n", string(got))
}
