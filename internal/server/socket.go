package server

import (
	"net"
	"time"
)

const (
	// deadPeer is how long sent bytes may stay unacknowledged before a
	// connection is given up: three heartbeats. A peer that vanished without a
	// word is found by nothing else, since TCP's keep-alive is silent while
	// bytes are under way and retransmission goes on for a quarter of an hour.
	deadPeer = time.Minute
	// unsent is how much the kernel takes of what it can't send yet. Its own
	// limit grows to megabytes: a slow client would hold that memory, and the
	// write that finds out that it takes nothing would block much later.
	unsent = 128 << 10
)

// tuned is a listener whose connections are made fit for streams.
type tuned struct{ net.Listener }

func (t tuned) Accept() (net.Conn, error) {
	c, err := t.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		// A kernel that lacks an option serves all the same.
		_ = tune(tcp)
	}
	return c, nil
}
