package loadgen

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// client is one stream's socket.
type client struct {
	number   int // of all clients
	fd       int // -1: not connected
	token    string
	follower follower
	decoder  decoder
	request  []byte // what was not sent yet
	since    time.Time
}

// connect begins to connect. The socket is writable when it is connected, or
// has failed.
func (c *client) connect(to netip.AddrPort, from netip.Addr) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if from.IsValid() {
		// Without this option the kernel would choose a port before it knows the
		// destination, and run out of them.
		err = errors.Join(
			unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1),
			unix.Bind(fd, &unix.SockaddrInet4{Addr: from.As4()}))
	}
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())})
	}
	if err != nil && !errors.Is(err, unix.EINPROGRESS) {
		_ = unix.Close(fd)
		return fmt.Errorf("connect: %w", err)
	}
	c.fd, c.since = fd, time.Now()
	c.decoder.reset()
	c.follower.ready = false
	return nil
}

// send writes the rest of the request.
func (c *client) send() error {
	n, err := unix.Write(c.fd, c.request)
	switch {
	case errors.Is(err, unix.EAGAIN):
		return nil
	case err != nil:
		return err
	}
	if c.request = c.request[n:]; len(c.request) == 0 {
		c.request = nil
	}
	return nil
}

// errGone: the peer closed the connection.
var errGone = errors.New("closed by the peer")

// receive reads once and follows what came. It returns how much that was.
func (c *client) receive(buf []byte, j *checker) (int, error) {
	n, err := unix.Read(c.fd, buf)
	switch {
	case errors.Is(err, unix.EAGAIN):
		return 0, nil
	case err != nil:
		return 0, err
	case n == 0:
		return 0, errGone
	}
	j.now = time.Now() // not that of the poll: much may have come since
	j.counts.Bytes += int64(n)
	return n, c.decoder.feed(buf[:n], func(b []byte) { c.follower.block(b, j) })
}

// close closes the socket, at once and without a proper end.
func (c *client) close() {
	_ = unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	_ = unix.Close(c.fd)
	c.fd = -1
}
