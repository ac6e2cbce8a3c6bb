package kept

import (
	"container/list"
	"slices"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// memoryChannel is one channel of Memory, whose lock guards it.
type memoryChannel struct {
	name    event.Channel
	epoch   event.Epoch
	head    uint64
	newest  int64 // the time of the newest event
	entries []store.Record
	until   time.Time // when it is forgotten, if nothing is appended
	place   *list.Element
}

// floor is the newest seq that is gone.
func (c *memoryChannel) floor() uint64 { return c.head - uint64(len(c.entries)) }

// size is what an event counts for.
func size(e *store.Record) int { return len(e.Data) + len(e.Type) + eventOverhead }

// add appends an event, gives it its seq, and returns its size.
func (c *memoryChannel) add(e store.Record) int {
	c.head++
	e.Seq = c.head
	c.newest = e.Time
	c.entries = append(c.entries, e)
	return size(&e)
}

// trim takes away what is beyond the newest most events (0: any number) or, if
// aged, older than oldest. It returns how many bytes that was.
func (c *memoryChannel) trim(most int, oldest int64, aged bool) int {
	n := 0
	if most > 0 {
		n = max(len(c.entries)-most, 0)
	}
	if aged {
		// Times never decrease within a channel.
		young, _ := slices.BinarySearchFunc(c.entries, oldest, func(e store.Record, t int64) int { return int(e.Time - t) })
		n = max(n, young)
	}
	return c.drop(n)
}

// drop takes the oldest n events away and returns how many bytes that was.
func (c *memoryChannel) drop(n int) (bytes int) {
	for i := range c.entries[:n] {
		bytes += size(&c.entries[i])
	}
	clear(c.entries[:n]) // the array behind it lives until it is outgrown
	c.entries = c.entries[n:]
	return bytes
}

// read is what read.lua does. A nil channel is one that is not there.
func (c *memoryChannel) read(r store.Range, most int) store.Snapshot {
	if c == nil {
		return store.Snapshot{}
	}
	s := store.Snapshot{Epoch: c.epoch, Head: headOf(c.head, c.floor())}
	from := max(r.After, s.Floor)
	if r.Limit < 1 || from >= c.head {
		return s
	}
	rest := c.entries[from-s.Floor:]
	rest = rest[:min(len(rest), r.Limit)]
	read := 0
	for i := range rest {
		read += len(rest[i].Data)
		if i > 0 && read > most {
			rest, s.Cut = rest[:i], true
			break
		}
	}
	s.Records = rest // read before the lock is given up
	return s
}

// channel finds a channel whose time is not over, or nil.
func (m *Memory) channel(ch event.Channel, now time.Time) *memoryChannel {
	c := m.channels[ch]
	if c != nil && now.After(c.until) {
		m.forget(c)
		return nil
	}
	return c
}

// forget drops a channel with all that is in it. It begins a new epoch when it
// comes again.
func (m *Memory) forget(c *memoryChannel) {
	m.bytes -= c.drop(len(c.entries)) + channelOverhead
	m.quietest.Remove(c.place)
	delete(m.channels, c.name)
}

// sweep drops channels and keys whose time is over. A channel that is kept for
// longer than those after it hides them from the sweep, but not from channel, nor
// from shrink.
func (m *Memory) sweep(now time.Time) {
	for front := m.quietest.Front(); front != nil; front = m.quietest.Front() {
		c, _ := front.Value.(*memoryChannel) // nothing else is in there
		if !now.After(c.until) {
			break
		}
		m.forget(c)
	}
	for len(m.oldest) > 0 && now.After(m.oldest[0].until) {
		m.forgetKey()
	}
}

// forgetKey forgets the oldest key.
func (m *Memory) forgetKey() {
	delete(m.keys, m.oldest[0].key)
	m.oldest[0] = nil // the array behind it lives until it is outgrown
	m.oldest = m.oldest[1:]
}

// shrink keeps channels and events within their part of MaxBytes: it forgets the
// quietest channels but for the one that just grew, then its older events.
func (m *Memory) shrink(grown *memoryChannel) {
	for m.bytes > m.cfg.MaxBytes-m.cfg.MaxBytes/keyShare {
		front, _ := m.quietest.Front().Value.(*memoryChannel) // grown is in there, if nobody else is
		switch {
		case front != grown:
			m.forget(front)
		case len(grown.entries) > 1:
			m.bytes -= grown.drop(1)
		default:
			return // a single event may be larger
		}
	}
}
