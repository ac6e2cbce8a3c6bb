package fanout

import (
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"slices"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/wait"
)

// flush sends what was asked for, after a moment in which more may come.
func (c *redisConn) flush(ctx context.Context) error {
	if !wait.For(ctx, coalesce) {
		return ctx.Err()
	}
	subscribe, unsubscribe := c.registry.take()
	if err := c.send("SUBSCRIBE", subscribe); err != nil {
		return err
	}
	return c.send("UNSUBSCRIBE", unsubscribe)
}

// giveUpSlots has the channels of slots that the server lost listened for elsewhere,
// after a moment in which more may come: a fail-over takes thousands at once.
func (c *redisConn) giveUpSlots(ctx context.Context) error {
	if !wait.For(ctx, coalesce) {
		return ctx.Err()
	}
	c.state.Lock()
	lost := c.lost
	c.lost = nil
	c.state.Unlock()
	c.evict(c.member, lost)
	if probe := *c.probe.Load(); !lost[slotOf(probe)] {
		return nil
	}
	return c.listenForProbes()
}

// listenForProbes chooses where, and subscribes.
func (c *redisConn) listenForProbes() error {
	probe := c.cfg.Prefix + "!probe:" + rand.Text()
	if c.addr == "" {
		c.probe.Store(&probe)
		return c.command("SUBSCRIBE", probe)
	}
	slots := c.slotsOf(c.member)
	if len(slots) == 0 {
		return errNoSlots
	}
	// One by chance: who empties a server begins at one end.
	probe += "{" + slotTags()[slots[mathrand.IntN(len(slots))]] + "}"
	c.probe.Store(&probe)
	return c.command("SSUBSCRIBE", probe)
}

// send sends a command for channels, in parts. One for sharded channels may name
// those of one slot only, so that there it is as many as there are slots.
func (c *redisConn) send(command string, channels []event.Channel) error {
	if c.addr == "" {
		for batch := range slices.Chunk(channels, maxNames) {
			parts := make([]string, 1, 1+len(batch))
			parts[0] = command
			for _, ch := range batch {
				parts = append(parts, c.cfg.name(ch))
			}
			if err := c.command(parts...); err != nil {
				return err
			}
		}
		return nil
	}
	for batch := range slices.Chunk(channels, maxNames) {
		c.out = c.out[:0]
		for _, ch := range batch {
			c.out = appendCommand(c.out, "S"+command, c.cfg.shardName(ch))
		}
		if err := c.write(); err != nil {
			return err
		}
	}
	return nil
}

// command sends a command. Its answer is for read.
func (c *redisConn) command(parts ...string) error {
	c.out = appendCommand(c.out[:0], parts...)
	return c.write()
}

func (c *redisConn) write() error {
	if err := c.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := c.conn.Write(c.out)
	return err
}

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
