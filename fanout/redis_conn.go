package fanout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bellhop/bellhop/event"
)

// settleTimeout bounds how long Redis may take to answer all subscriptions of a
// new connection.
const settleTimeout = 30 * time.Second

// Why a connection is given up although no call on it failed.
var (
	errSilent     = errors.New("nothing was heard on the connection")
	errProbe      = errors.New("what was published did not come back")
	errNotSettled = errors.New("subscriptions were not answered")
)

// redisConn is one connection of a subscriber. go-redis' PubSub would make its own
// anew without a word, and notices only writes that fail, so that a frozen server
// goes unnoticed: here a connection lives once, and is judged by what arrives.
type redisConn struct {
	*redisSubscriber
	pubsub *redis.PubSub
	// nonce tells this connection's probes from those of an earlier one.
	nonce string
	wg    sync.WaitGroup

	failed  chan error    // from the reader, when it ends
	settled chan struct{} // all subscriptions that it began with are answered
	back    chan struct{} // a probe came back

	probed probeResult

	// What follows belongs to serve.

	alive   time.Time       // when the connection last got further
	isReady bool            // settled was received
	proven  bool            // back was received
	passed  <-chan struct{} // closed once the handler may hear of that
}

// probeResult is how the last PUBLISH of a probe went.
type probeResult struct {
	mu  sync.Mutex
	err error
}

func (p *probeResult) set(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

func (p *probeResult) get() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// serve connects, subscribes to all that is wanted, and then sends what is asked
// for until the connection fails or ctx ends.
func (c *redisConn) serve(ctx context.Context, link *link) error {
	wanted, ended := c.registry.renew()
	for _, ch := range ended {
		c.dispatcher.acknowledge(kindUnsubscribed, ch)
	}
	// The first command connects.
	if err := c.pubsub.Ping(ctx); err != nil {
		return err
	}
	link.seal()
	c.alive = time.Now()
	c.wg.Go(func() { c.failed <- c.read(ctx) })
	if err := c.send(ctx, wanted, c.pubsub.Subscribe); err != nil {
		return err
	}
	// Last, because answers come in order: this one says that the others were.
	if err := c.pubsub.Subscribe(ctx, c.probe); err != nil {
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
		c.isReady, c.alive = true, time.Now()
		c.wg.Go(func() { c.sendProbes(ctx) })
	case <-c.back:
		c.proven, c.alive = true, time.Now()
		if c.suspect && c.passed == nil {
			// The handler hears of it after all that came before it.
			c.passed = c.dispatcher.barrier()
		}
	case <-c.passed:
		c.passed = nil
		c.setSuspect(false)
	case <-c.wake:
		return c.flush(ctx)
	case <-tick:
		if err := c.judge(time.Since(c.alive)); err != nil {
			return err
		}
		return c.pubsub.Ping(ctx)
	}
	return nil
}

// judge looks at how long the connection has not got further. If probes do not
// even leave, it is not to blame: the bus is in doubt, and making the connection
// anew over and over would only add to the trouble.
func (c *redisConn) judge(since time.Duration) error {
	switch {
	case !c.isReady && since > settleTimeout:
		return errNotSettled
	case c.isReady && since > c.cfg.ProbeTimeout:
		if c.probed.get() == nil {
			return errProbe
		}
		c.passed = nil
		c.setSuspect(true)
	}
	return nil
}

// flush sends what was asked for, after a moment in which more may come.
func (c *redisConn) flush(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(coalesce):
	}
	subscribe, unsubscribe := c.registry.take()
	if err := c.send(ctx, subscribe, c.pubsub.Subscribe); err != nil {
		return err
	}
	return c.send(ctx, unsubscribe, c.pubsub.Unsubscribe)
}

func (c *redisConn) send(ctx context.Context, channels []event.Channel, command func(context.Context, ...string) error) error {
	for batch := range slices.Chunk(channels, maxNames) {
		names := make([]string, len(batch))
		for i, ch := range batch {
			names[i] = c.cfg.Prefix + string(ch)
		}
		if err := command(ctx, names...); err != nil {
			return err
		}
	}
	return nil
}

// read hands over what arrives until the connection fails, which closing it does.
// It never waits for a handler.
func (c *redisConn) read(ctx context.Context) error {
	// A ping every interval: two of them without any frame mean that nobody is
	// there any more, even if nothing that was written has failed.
	silence := 2 * c.cfg.PingInterval
	for {
		frame, err := c.pubsub.ReceiveTimeout(ctx, silence)
		if err != nil {
			var timeout interface{ Timeout() bool }
			if errors.As(err, &timeout) && timeout.Timeout() {
				return fmt.Errorf("%w for %v", errSilent, silence)
			}
			return err
		}
		switch frame := frame.(type) {
		case *redis.Message:
			c.message(frame)
		case *redis.Subscription:
			c.answer(frame)
		}
	}
}

func (c *redisConn) message(m *redis.Message) {
	if m.Channel == c.probe {
		if m.Payload == c.nonce {
			notify(c.back)
		}
		return
	}
	ch := c.cfg.channel(m.Channel)
	message, err := parseWire(ch, m.Payload)
	if err != nil {
		c.log.Debug("message dropped", "channel", ch, "error", err)
		c.dispatcher.lost(ch)
		return
	}
	c.dispatcher.message(message)
}

func (c *redisConn) answer(s *redis.Subscription) {
	if s.Channel == c.probe {
		notify(c.settled)
		return
	}
	ch := c.cfg.channel(s.Channel)
	switch s.Kind {
	case "subscribe":
		if c.registry.subscribed(ch) {
			c.dispatcher.acknowledge(kindSubscribed, ch)
		}
	case "unsubscribe":
		if c.registry.unsubscribed(ch) {
			c.dispatcher.acknowledge(kindUnsubscribed, ch)
		}
	}
}

// sendProbes publishes on the probe's channel, at once and then every interval, the
// way a notifier does: another connection, and after a fail-over maybe another
// server than the one that this connection still listens to.
func (c *redisConn) sendProbes(ctx context.Context) {
	tick := time.NewTicker(c.cfg.PingInterval)
	defer tick.Stop()
	for {
		c.probed.set(c.publishProbe(ctx))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (c *redisConn) publishProbe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.PublishTimeout)
	defer cancel()
	return c.client.Publish(ctx, c.probe, c.nonce).Err()
}
