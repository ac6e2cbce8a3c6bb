package engine

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/gateway/conn/conntest"
)

// TestHeadThatIsTakenInParts: a head that does not fit the socket is written on like all
// else, once, and what follows it comes behind it.
func TestHeadThatIsTakenInParts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, unix.SetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_SNDBUF, 4096))
	p := &peer{b: b, fd: fds[1], src: conntest.NewSource(t), i: b.nextSlot()}
	t.Cleanup(func() { _ = unix.Close(p.fd) })
	head := strings.Repeat("h", 256<<10)
	p.src.Say("hello")
	p.src.Finish()
	b.begin(&arrival{fd: fds[0], head: []byte(head), src: p.src, opt: minute()})
	require.Equal(t, blocked, p.slot().state)
	require.Equal(t, head+"5\r\nhello\r\n0\r\n\r\n", p.readToTheEnd())
	require.Equal(t, conn.ReasonEnd, p.src.AwaitClose())
}
