package server

import (
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

// tune sets what tcp(7) calls TCP_USER_TIMEOUT and TCP_NOTSENT_LOWAT.
func tune(c *net.TCPConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var timeout, lowat error
	err = raw.Control(func(fd uintptr) {
		timeout = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(deadPeer.Milliseconds()))
		lowat = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsent)
	})
	return errors.Join(err, timeout, lowat)
}
