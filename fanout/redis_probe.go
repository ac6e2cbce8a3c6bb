package fanout

import (
	"context"
	"time"
)

// sendProbes publishes on the probe's channel, at once and then every interval, the
// way a notifier does: another connection, and after a fail-over maybe another
// server than the one that this connection still listens to.
func (c *redisConn) sendProbes(ctx context.Context) {
	tick := time.NewTicker(c.cfg.PingInterval)
	defer tick.Stop()
	for {
		c.unsent.Store(c.publishProbe(ctx) != nil)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-c.again:
		}
	}
}

func (c *redisConn) publishProbe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.PublishTimeout)
	defer cancel()
	probe := *c.probe.Load()
	if c.addr == "" {
		return c.bus.client.Publish(ctx, probe, c.nonce).Err()
	}
	return c.bus.sendAll(ctx, []outgoing{{name: probe, wire: []byte(c.nonce), sharded: true}})
}
