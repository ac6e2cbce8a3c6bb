package fanout

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
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
	mark  []byte
	taken atomic.Bool
	conn  atomic.Pointer[linked] // nil: not found yet
}

// withLink follows the connection to which mark will be written.
func withLink(ctx context.Context, mark string) (context.Context, *link) {
	l := &link{mark: []byte(mark)}
	return context.WithValue(ctx, linkKey{}, l), l
}

// takeOver refuses further dialling, and returns the connection.
func (l *link) takeOver() (net.Conn, error) {
	l.taken.Store(true)
	c := l.conn.Load()
	if c == nil {
		return nil, errNoLink
	}
	return c.Conn, nil
}

// linked is a connection that was dialled for a link.
type linked struct {
	net.Conn
	link *link
}

// Write notes whether this is the link's connection.
func (c *linked) Write(b []byte) (int, error) {
	if bytes.Contains(b, c.link.mark) {
		c.link.conn.Store(c)
	}
	return c.Conn.Write(b)
}

// dialer is go-redis' own, but for a link. When a subscription's connection fails,
// go-redis dials and subscribes again to everything at once, in a single command
// and before anybody hears of it. A link that was taken over reports the failure instead.
func dialer(config *tls.Config, timeout time.Duration) func(context.Context, string, string) (net.Conn, error) {
	dial := redis.NewDialer(&redis.Options{TLSConfig: config, DialTimeout: timeout})
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		l, ok := ctx.Value(linkKey{}).(*link)
		if ok && l.taken.Load() {
			return nil, errReconnect
		}
		nc, err := dial(ctx, network, addr)
		if err == nil && ok {
			nc = &linked{nc, l}
		}
		return nc, err
	}
}
