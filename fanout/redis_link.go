package fanout

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

// errReconnect stops go-redis from connecting anew on its own account.
var errReconnect = errors.New("the connection of this subscription is over")

type linkKey struct{}

// link follows the one connection of a subscription through the contexts that
// go-redis dials with.
type link struct{ made chan struct{} }

func withLink(ctx context.Context) (context.Context, *link) {
	l := &link{made: make(chan struct{})}
	return context.WithValue(ctx, linkKey{}, l), l
}

// seal refuses further dialling.
func (l *link) seal() { close(l.made) }

// dialer is go-redis' own, but for a sealed link. When a subscription's connection
// fails, go-redis dials and subscribes again to everything at once, in a single
// command and before anybody hears of it. Sealed, it reports the failure instead.
func dialer(config *tls.Config, timeout time.Duration) func(context.Context, string, string) (net.Conn, error) {
	dial := redis.NewDialer(&redis.Options{TLSConfig: config, DialTimeout: timeout})
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if l, ok := ctx.Value(linkKey{}).(*link); ok {
			select {
			case <-l.made:
				return nil, errReconnect
			default:
			}
		}
		return dial(ctx, network, addr)
	}
}
