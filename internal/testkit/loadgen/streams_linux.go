package loadgen

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// adjust has n clients, more or fewer than before.
func (w *worker) adjust(n int) {
	w.idle, w.away = append(w.idle, w.away...), nil
	for len(w.clients) < n {
		number := w.first + len(w.clients)
		channels := w.population.channels(number)
		c := &client{number: number, fd: -1, follower: follower{channels: channels, at: make([]position, len(channels))}}
		w.clients = append(w.clients, c)
		w.idle = append(w.idle, c)
	}
	for len(w.clients) > n {
		c := w.clients[len(w.clients)-1]
		w.clients = w.clients[:len(w.clients)-1]
		if c.fd >= 0 {
			w.leave(c)
		}
		c.number = -1 // if it is idle: not to be connected any more
	}
}

// poll connects who is to be connected, and does what the sockets ask for.
func (w *worker) poll() error {
	if len(w.later) > 0 && time.Now().After(w.laterAt) {
		w.idle = append(w.idle, w.later...)
		w.later = w.later[:0]
	}
	for len(w.idle) > 0 && w.joining < w.population.Window && w.due() {
		c := w.idle[0]
		w.idle = w.idle[1:]
		if c.number < 0 {
			continue
		}
		if err := w.enter(c); err != nil {
			return err
		}
	}
	wait := pollTime
	if w.rate > 0 && len(w.idle) > 0 {
		wait = pacedPollTime
	}
	n, err := unix.EpollWait(w.epoll, w.events[:], int(wait/time.Millisecond))
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("epoll_wait: %w", err)
	}
	for _, ev := range w.events[:max(n, 0)] {
		// Within one answer of epoll no connection is opened, so an event can't
		// be meant for the one before.
		if i := int(ev.Fd); i < len(w.clients) && w.clients[i].fd >= 0 {
			w.happened(w.clients[i], ev.Events)
		}
	}
	return nil
}

// due tells whether the rate lets another client connect.
func (w *worker) due() bool {
	return w.rate == 0 || float64(w.entered) < time.Since(w.began).Seconds()*w.rate
}

// enter begins to connect a client.
func (w *worker) enter(c *client) error {
	gateway := c.number % len(w.gateways)
	var from netip.Addr
	if n := w.population.Sources; n > 0 {
		i := c.number % n
		from = netip.AddrFrom4([4]byte{127, 1, byte(i / 250), byte(i%250 + 1)})
	}
	if c.token == "" {
		var err error
		if c.token, err = w.population.token(c.number); err != nil {
			return err
		}
	}
	request := w.population.request(w.gateways[gateway].String(), c.token, string(c.follower.last))
	w.entered++
	w.checker.counts.Connects++
	if err := c.connect(w.gateways[gateway], from); err != nil {
		w.checker.counts.Refused++
		w.postpone(c)
		return nil //nolint:nilerr // one connection that fails is a figure of the report
	}
	c.request = request
	ev := unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(c.number - w.first),
	}
	if err := unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, c.fd, &ev); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	w.open++
	w.joining++
	return nil
}

// happened does what a client's socket is ready for.
func (w *worker) happened(c *client, events uint32) {
	was := c.follower.ready
	var err error
	if c.request != nil {
		err = c.send()
	}
	// Less than was asked for is all that there was, but for the end: that may
	// have come with the data, and is not told of again.
	ending := events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0
	for more := c.request == nil; more && err == nil; {
		var n int
		n, err = c.receive(w.buf, &w.checker)
		more = n == len(w.buf) || n > 0 && ending
	}
	if !was && c.follower.ready {
		w.joining--
		w.ready++
		w.joins.Add(w.checker.now.Sub(c.since))
	}
	if err == nil {
		return
	}
	switch {
	case errors.Is(err, errGone) && c.decoder.whole():
		w.checker.counts.Ended++
	case c.decoder.head:
		w.checker.counts.Broken++
	default:
		w.checker.counts.Refused++
	}
	if errors.Is(err, ErrResponse) && c.decoder.head {
		w.checker.counts.Malformed++
	}
	w.leave(c)
	w.postpone(c)
}

// leaveAll closes all connections, and returns whose they were.
func (w *worker) leaveAll() (left []*client) {
	for _, c := range w.clients {
		if c.fd >= 0 {
			w.leave(c)
			left = append(left, c)
		}
	}
	return left
}

// leave closes a client's connection.
func (w *worker) leave(c *client) {
	if c.follower.ready {
		w.ready--
	} else {
		w.joining--
	}
	w.open--
	c.close()
}

// postpone has a client come back in a while.
func (w *worker) postpone(c *client) {
	if len(w.later) == 0 {
		w.laterAt = time.Now().Add(retryTime)
	}
	w.later = append(w.later, c)
}

func (w *worker) close() {
	for _, c := range w.clients {
		if c.fd >= 0 {
			c.close()
		}
	}
	if w.epoll >= 0 {
		_ = unix.Close(w.epoll)
	}
}
