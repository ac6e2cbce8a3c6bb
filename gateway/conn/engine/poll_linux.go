package engine

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// poller is an epoll of a shard's own. Its descriptor lies in the runtime's
// poller, which parks the goroutine that waits for it, so no thread does.
type poller struct {
	fd   int
	file *os.File
	raw  syscall.RawConn
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	// os.NewFile hands to the runtime's poller what is non-blocking.
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd) // the first error is the one to tell
		return nil, fmt.Errorf("epoll: %w", err)
	}
	p := &poller{fd: fd, file: os.NewFile(uintptr(fd), "epoll")}
	if p.raw, err = p.file.SyscallConn(); err != nil {
		_ = p.file.Close() // as above
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return p, nil
}

// departed are the events by which a peer's end shows: it closed, closed its
// sending half (which net/http takes for leaving too), reset the connection, or
// was given up by the kernel.
const departed = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR

// watch has epoll tell of the peer's end. The events are edges: each is told
// once.
func (p *poller) watch(fd int, i, gen uint32) error {
	ev := event(unix.EPOLLRDHUP, i, gen)
	return unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &ev)
}

// watchRoom has it tell of room for more bytes too, and at once if there is
// some already. Most connections never need it, so it is not there from the
// beginning; and it stays, since without a failed write there is no edge.
func (p *poller) watchRoom(fd int, i, gen uint32) error {
	ev := event(unix.EPOLLRDHUP|unix.EPOLLOUT, i, gen)
	return unix.EpollCtl(p.fd, unix.EPOLL_CTL_MOD, fd, &ev)
}

func event(events, i, gen uint32) unix.EpollEvent {
	return unix.EpollEvent{Events: events | unix.EPOLLET, Fd: int32(i), Pad: int32(gen)}
}

// poll puts what epoll tells into the inbox, until the poller is closed.
func (s *shard) poll() {
	events := make([]unix.EpollEvent, 256)
	n := 0
	wait := func(fd uintptr) bool {
		var err error
		// EINTR can't happen without waiting, and the other errors mean a
		// descriptor that is none: impossible while Read holds the file.
		n, err = unix.EpollWait(int(fd), events, 0)
		return err != nil || n > 0
	}
	for s.poller.raw.Read(wait) == nil {
		s.inbox.put(func(m *mail) { m.events = append(m.events, events[:max(n, 0)]...) })
	}
}
