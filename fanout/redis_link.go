package fanout

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// errReconnect stops go-redis from connecting anew on its own account.
var errReconnect = errors.New("the connection of this subscription is over")

// errNoLink: go-redis did not dial as OpenRedis told it to.
var errNoLink = errors.New("the client was not made by OpenRedis")

type linkKey struct{}

// link follows the one connection of a subscription through the contexts that
// go-redis dials with, to take it over: go-redis finds the server (behind Sentinel
// and on a Cluster too), encrypts, and signs in. On the way there it may dial
// others, so the connection is known by what is written to it first.
type link struct {
	mark []byte
	made chan struct{}

	mu   sync.Mutex
	conn net.Conn // nil: not found yet
}

// withLink follows the connection to which mark will be written.
func withLink(ctx context.Context, mark string) (context.Context, *link) {
	l := &link{mark: []byte(mark), made: make(chan struct{})}
	return context.WithValue(ctx, linkKey{}, l), l
}

// seal refuses further dialling, and returns the connection.
func (l *link) seal() (net.Conn, error) {
	close(l.made)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return nil, errNoLink
	}
	return l.conn, nil
}

// linked is a connection that was dialled for a link.
type linked struct {
	net.Conn
	link *link
}

// Write notes whether this is the link's connection.
func (c *linked) Write(b []byte) (int, error) {
	if bytes.Contains(b, c.link.mark) {
		c.link.mu.Lock()
		c.link.conn = c.Conn
		c.link.mu.Unlock()
	}
	return c.Conn.Write(b)
}

// dialer is go-redis' own, but for a link. When a subscription's connection fails,
// go-redis dials and subscribes again to everything at once, in a single command
// and before anybody hears of it. Sealed, a link reports the failure instead.
func dialer(config *tls.Config, timeout time.Duration) func(context.Context, string, string) (net.Conn, error) {
	dial := redis.NewDialer(&redis.Options{TLSConfig: config, DialTimeout: timeout})
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		l, ok := ctx.Value(linkKey{}).(*link)
		if !ok {
			return dial(ctx, network, addr)
		}
		select {
		case <-l.made:
			return nil, errReconnect
		default:
		}
		nc, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &linked{nc, l}, nil
	}
}
