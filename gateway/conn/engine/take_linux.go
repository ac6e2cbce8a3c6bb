package engine

import (
	"errors"
	"net"
	"net/http"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bellhop/bellhop/gateway/conn"
)

// receiveBuffer is what the kernel keeps of bytes that a client sends although
// its request is over. They are not read, and a client that goes on is stopped
// by its window.
const receiveBuffer = 4 << 10

// silenceMargin is how much longer than SlowTimeout the kernel waits for a peer
// that acknowledges nothing. The loop judges a client that is there but slow;
// this finds those who went without a word and are sent too little to ever fill
// the buffer.
const silenceMargin = 15 * time.Second

// take moves the response from net/http to a shard. False: nothing was done, and
// the handler has to carry the stream.
func (l *loops) take(w http.ResponseWriter, greeting []byte, src conn.Source, opt conn.Options) bool {
	s := l.shard()
	if !s.inbox.open() {
		return false
	}
	h := w.Header()
	nc, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false // somebody between here and net/http keeps the connection
	}
	fd, err := detach(nc, l.engine.cfg.SendBuffer, opt.SlowTimeout)
	// Its descriptor leaves the runtime's poller. The duplicate keeps the
	// connection.
	_ = nc.Close()
	if err != nil {
		l.engine.cfg.Logger.Error("a stream's connection can't be taken over", "error", err)
		opt.Begin()
		l.engine.over(src, conn.ReasonError)
		return true
	}
	head := appendHead(make([]byte, 0, 1024), h, greeting, time.Now())
	if !s.inbox.arrive(arrival{fd: fd, head: head, src: src, opt: opt}) {
		abort(fd) // stopped in the meantime
		opt.Begin()
		l.engine.over(src, conn.ReasonStop)
	}
	return true
}

var errNotTCP = errors.New("not a *net.TCPConn: was the listener wrapped?")

// detach duplicates the connection's descriptor and sets it up for a stream. It
// returns -1 if there is no descriptor to be had.
func detach(nc net.Conn, sendBuffer int, slow time.Duration) (fd int, err error) {
	tc, ok := nc.(*net.TCPConn)
	if !ok {
		return -1, errNotTCP
	}
	raw, err := tc.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd = -1
	cerr := raw.Control(func(old uintptr) {
		// Not File(): that would register the duplicate with the poller again.
		fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 3)
	})
	if err = errors.Join(err, cerr); err != nil {
		return -1, err
	}
	for _, o := range []struct{ level, name, value int }{
		{unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer},
		{unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer},
		// Heartbeats ask often enough whether the peer is there.
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0},
		{unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int((min(slow, time.Hour) + silenceMargin).Milliseconds())},
	} {
		// Known options with sound values don't fail on a TCP socket that is
		// open, and writing tells soon if it is not.
		_ = unix.SetsockoptInt(fd, o.level, o.name, o.value)
	}
	return fd, nil
}
