package engine

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bellhop/bellhop/gateway/conn"
)

// send writes without blocking and returns how much the socket took. The call
// is a raw one: the scheduler is not told of it, which would cost about a third
// more and is only needed for calls that may block.
func send(fd int32, b []byte) (int, error) {
	for {
		//nolint:gosec // the kernel reads b, which lives until the call is over
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))),
			uintptr(len(b)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, nil
		default:
			return 0, errno
		}
	}
}

// untaken is how many bytes were written that the peer has not acknowledged.
func untaken(fd int32) int32 {
	n, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
	if err != nil {
		return 0
	}
	return int32(n)
}

// abort closes a connection and has the kernel forget what the peer has not
// taken: an orderly close would leave that in memory, without an owner, for as
// long as a stalled peer likes.
//
// Neither call fails on a descriptor that is ours, and there is nobody to tell.
func abort(fd int) {
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1, Linger: 0})
	_ = unix.Close(fd)
}

// shut closes a connection in order.
func shut(fd int, scratch []byte) {
	// Closing with bytes unread would reset the connection, and the peer might
	// lose the end of the response (RFC 9112, section 9.6). There are few: the
	// receive buffer is small.
	_, _ = unix.Read(fd, scratch) // does not block: net/http's sockets never do
	_ = unix.Close(fd)
}

// reasonOf tells why a write failed.
func reasonOf(err error) conn.Reason {
	if conn.Gone(err) {
		return conn.ReasonClient
	}
	return conn.ReasonError
}
