package testenv

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Address is a host:port of the loopback interface that no other test gets before
// this one ends. Servers that set SO_REUSEADDR, which is nearly all, may listen on it.
func Address(tb testing.TB) string {
	tb.Helper()
	return newPort(tb).addr()
}

// port is a TCP port of 127.0.0.1 that nobody else gets until it is released, not
// even while the server that uses it is dead. It is held by a socket that is bound
// and never listens. Choosing a free port and letting it go before the server
// takes it would lose it now and then to a test that runs at the same time.
type port struct {
	number int
	fd     int
}

// newPort is reservePort for what ends with the test.
func newPort(tb testing.TB) *port {
	tb.Helper()
	p, err := reservePort()
	require.NoError(tb, err)
	tb.Cleanup(p.release)
	return p
}

func reservePort() (*port, error) {
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	number, err := bindAny(fd)
	if err != nil {
		return nil, fmt.Errorf("reserve a port: %w", err)
	}
	return &port{number: number, fd: fd}, nil
}

func bindAny(fd int) (int, error) {
	// Bound without SO_REUSEADDR, the port is one that nobody has. With the
	// option set afterwards, a server that sets it too (all do) may bind beside.
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, os.NewSyscallError("bind", err)
	}
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return 0, os.NewSyscallError("setsockopt", err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return 0, os.NewSyscallError("getsockname", err)
	}
	inet, ok := name.(*syscall.SockaddrInet4)
	if !ok {
		return 0, fmt.Errorf("bound to %T", name)
	}
	return inet.Port, nil
}

func (p *port) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.number)) }

func (p *port) release() { _ = syscall.Close(p.fd) }

// listening returns nil if a server accepts connections at addr.
func listening(addr string) error {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	return c.Close()
}
