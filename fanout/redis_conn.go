package fanout

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/wait"
)

// settleTimeout bounds how long Redis may take to answer all subscriptions of a
// new connection.
const settleTimeout = 30 * time.Second

// writeTimeout bounds one command.
const writeTimeout = 2 * time.Second

// Why a connection is given up although no call on it failed.
var (
	errSilent     = errors.New("nothing was heard on the connection")
	errProbe      = errors.New("what was published did not come back")
	errNotSettled = errors.New("subscriptions were not answered")
	errNoSlots    = errors.New("the server has no slots any more")
)

// redisConn is one connection of a subscriber. go-redis' PubSub makes it, and is
// left out from then on: it would make the connection anew without a word, notices
// only writes that fail, so that a frozen server goes unnoticed, and keeps every
// name a second time. Here a connection lives once, and counts as alive by what arrives.
//
// There is one for all channels. Several of them, each with its share, were tried
// (BenchmarkConnections still does) and gained nothing: one goroutine reads more
// messages than one Redis can publish; subscriptions go out in commands of at most
// maxNames names, which hold up what comes after them for a moment only; and what
// takes time, the handler, has its workers by channel as it is. What Redis itself
// does when a connection is lost is the same work for one as for several.
type redisConn struct {
	*member
	pubsub *redis.PubSub
	conn   net.Conn // what pubsub connected; written to by serve alone
	out    []byte   // room for commands
	// nonce tells this connection, and its probes, from an earlier one.
	nonce string
	// probe is a name that no channel has: its namespace would begin with '!'. It is
	// another one if its slot moves.
	probe atomic.Pointer[string]
	wg    sync.WaitGroup

	failed  chan error  // from the reader, when it ends
	settled wait.Signal // all subscriptions that it began with are answered
	back    wait.Signal // a probe came back
	again   wait.Signal // a probe is to be sent at once
	evicted wait.Signal // lost has something

	state sync.Mutex
	lost  map[int]bool // slots that the server does not have any more

	unsent atomic.Bool // the last probe could not be sent

	epoch event.Epoch // of the last message; belongs to read

	// What follows belongs to serve.

	alive   time.Time       // when the connection last got further
	isReady bool            // settled was received
	proven  time.Time       // when back was first received
	passed  <-chan struct{} // closed once the handler may hear of that
}

// serve connects, subscribes to all that is wanted, and then sends what is asked
// for until the connection fails or ctx ends.
func (c *redisConn) serve(ctx context.Context, link *link) error {
	wanted, ended := c.registry.renew()
	c.dispatcher.acknowledge(kindUnsubscribed, ended...)
	// The first command connects, and its answer is the first thing to be read.
	err := c.pubsub.Ping(ctx, c.nonce)
	if err == nil {
		c.conn, err = link.takeOver()
	}
	if err != nil {
		return err
	}
	c.alive = time.Now()
	c.wg.Go(func() { c.failed <- c.read() })
	if err := c.send("SUBSCRIBE", wanted); err != nil {
		return err
	}
	// Last, because answers come in order: this one says that the others were.
	if err := c.listenForProbes(); err != nil {
		return err
	}
	tick := time.NewTicker(c.cfg.PingInterval)
	defer tick.Stop()
	for {
		if err := c.step(ctx, tick.C); err != nil {
			return err
		}
	}
}

// step waits for one thing to happen.
func (c *redisConn) step(ctx context.Context, tick <-chan time.Time) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-c.failed:
		return err
	case <-c.settled:
		c.alive = time.Now()
		if !c.isReady {
			c.isReady = true
			c.wg.Go(func() { c.sendProbes(ctx) })
		}
	case <-c.back:
		c.alive = time.Now()
		if c.proven.IsZero() {
			c.proven = c.alive
		}
		if c.passed == nil && c.doubts.has(c.member) && c.pendingCount() == 0 {
			// The handler hears of it after all that came before it.
			c.passed = c.dispatcher.barrier()
		}
	case <-c.passed:
		c.passed = nil
		c.doubts.set(c.member, c.pendingCount() > 0)
		if c.pendingCount() > 0 { // some came just now
			c.doubts.set(c.member, true)
		}
	case <-c.wake:
		return c.flush(ctx)
	case <-c.evicted:
		return c.giveUpSlots(ctx)
	case <-tick:
		if err := c.checkProgress(time.Since(c.alive)); err != nil {
			return err
		}
		return c.command("PING")
	}
	return nil
}

// checkProgress looks at how long the connection has not got further. If probes do not
// even leave, it is not to blame: the bus is in doubt, and making the connection
// anew over and over would only add to the trouble.
func (c *redisConn) checkProgress(since time.Duration) error {
	switch {
	case !c.isReady && since > settleTimeout:
		return errNotSettled
	case c.isReady && since > c.cfg.ProbeTimeout:
		if !c.unsent.Load() {
			return errProbe
		}
		c.passed = nil
		c.doubts.set(c.member, true)
	}
	return nil
}
