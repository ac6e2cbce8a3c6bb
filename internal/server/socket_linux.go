package server

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// listenConfig sets on the listener what tcp(7) has connections inherit, so that it
// costs nothing when one is accepted. Go's own way sets the keep-alive of each.
var listenConfig = net.ListenConfig{KeepAlive: -1, Control: tune}

func tune(_, _ string, socket syscall.RawConn) error {
	return socket.Control(func(fd uintptr) {
		for _, o := range []struct{ level, name, value int }{
			{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
			{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, int(silence.Seconds())},
			{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, int(silence.Seconds())},
			{unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(deadPeer.Milliseconds())},
			{unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsent},
		} {
			// A kernel that lacks an option serves all the same.
			_ = unix.SetsockoptInt(int(fd), o.level, o.name, o.value)
		}
	})
}
