package server

import (
	"context"
	"net"
	"time"
)

const (
	// deadPeer is how long sent bytes may stay unacknowledged before a
	// connection is given up: three heartbeats. A peer that vanished without a
	// word is found by nothing else, since TCP's keep-alive is silent while
	// bytes are under way and retransmission goes on for a quarter of an hour.
	deadPeer = time.Minute
	// silence is how long a connection carries nothing before TCP's keep-alive asks
	// for its peer, and how long it waits for an answer before it asks again.
	silence = 15 * time.Second
	// unsent is how much the kernel takes of what it can't send yet. Its own
	// limit grows to megabytes: a slow client would hold that memory, and the
	// write that finds out that it takes nothing would block much later.
	unsent = 128 << 10
)

// Listen opens a TCP listener whose connections are fit for streams. The address is as
// in net.Listen.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	c := listenConfig
	// Go listens for multipath TCP if nobody says otherwise. Such a listener lacks most
	// options, and its connections are none that Nginx, or nearly any browser, asks for.
	c.SetMultipathTCP(false)
	return c.Listen(ctx, "tcp", address)
}
