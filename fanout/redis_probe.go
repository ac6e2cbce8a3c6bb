package fanout

import (
	"context"
	"sync"
	"time"
)

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
