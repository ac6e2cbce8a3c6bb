package fanout

import (
	"errors"
	"fmt"
	"os"
)

// read hands over what arrives until the connection fails, which closing it does.
// It never waits for a handler.
func (c *redisConn) read() error {
	// A ping every interval: two of them without any answer mean that nobody is
	// there any more, even if nothing that was written has failed.
	silence := 2 * c.cfg.PingInterval
	in := newPushReader(c.conn, silence, maxPayload(c.cfg.MaxFrame))
	for {
		p, err := in.next()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return fmt.Errorf("%w for %v", errSilent, silence)
		case err != nil:
			return err
		case p.kind == pushMessage:
			c.message(&p)
		case p.kind == pushMoved:
			c.loseSlot(p.slot)
		case p.kind != pushOther:
			c.answer(&p)
		}
	}
}

func (c *redisConn) message(p *push) {
	if string(p.name) == *c.probe.Load() {
		if string(p.payload) == c.nonce {
			c.back.Raise()
		}
		return
	}
	// The name is memory that could be saved: looking up the one that the registry
	// has takes longer.
	ch := c.cfg.channel(string(p.name))
	if c.addr != "" && !c.registry.holds(ch) {
		return // it is listened for elsewhere by now, or nowhere
	}
	message, err := parseWire(ch, p.payload, c.epoch)
	if err != nil {
		c.log.Debug("message dropped", "channel", ch, "error", err)
		c.dispatcher.lost(ch)
		return
	}
	c.epoch = message.Epoch
	c.dispatcher.message(message)
}

func (c *redisConn) answer(p *push) {
	if name := string(p.name); name == *c.probe.Load() {
		if p.kind == pushSubscribed {
			c.settled.Raise()
		} else {
			c.loseSlot(slotOf(name))
		}
		return
	}
	ch := c.cfg.channel(string(p.name))
	switch {
	case p.kind == pushSubscribed:
		c.state.Lock()
		pending := c.registry.pendingCount()
		if c.registry.subscribed(ch) {
			c.dispatcher.acknowledge(kindSubscribed, ch)
		}
		all := pending > 0 && c.registry.pendingCount() == 0
		c.state.Unlock()
		if all {
			c.again.Raise() // nothing else stands against trust
		}
	case c.registry.unsubscribed(ch):
		c.dispatcher.acknowledge(kindUnsubscribed, ch)
	case c.addr != "" && c.registry.holds(ch):
		c.loseSlot(c.slot(ch)) // nobody had asked for it
	}
}

// pendingCount is how many channels are to be acknowledged before the bus can be trusted. Of
// those that are not counted any more the dispatcher has heard.
func (c *redisConn) pendingCount() int {
	c.state.Lock()
	defer c.state.Unlock()
	return c.registry.pendingCount()
}

// loseSlot notes that the server does not have a slot any more.
func (c *redisConn) loseSlot(slot int) {
	c.state.Lock()
	if c.lost == nil {
		c.lost = make(map[int]bool)
	}
	c.lost[slot] = true
	c.state.Unlock()
	c.evicted.Raise()
}
