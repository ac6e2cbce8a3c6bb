package engine

import (
	"slices"
	"time"
)

// headWait is how long the head of a response waits for the first bytes of its source,
// to be written with them. A write costs more than all else that a shard does for a
// stream that opens. Most sources speak within a few milliseconds, and whoever
// waits for the head alone hardly notices.
const headWait = int64(10 * time.Millisecond)

// opening holds the heads of responses that were not written yet.
type opening struct {
	heads map[uint32][]byte // by slot
	queue []opened          // in the order in which they came; some may be gone
}

// opened says when a head has waited for long enough.
type opened struct {
	slot, gen uint32
	due       int64 // shard.now
}

func (o *opening) add(i, gen uint32, head []byte, now int64) {
	o.heads[i] = head
	o.queue = append(o.queue, opened{i, gen, now + headWait})
}

// take returns the head that is to be written before anything else of the slot.
func (o *opening) take(i uint32) []byte {
	if len(o.heads) == 0 {
		return nil // as nearly always
	}
	head := o.heads[i]
	delete(o.heads, i)
	return head
}

// pause is the time from now to the first head that is due, if it is below most.
func (o *opening) pause(now int64, most time.Duration) time.Duration {
	if len(o.queue) == 0 {
		return most
	}
	return min(most, time.Duration(o.queue[0].due-now))
}

// writeHeads writes the heads that waited for long enough.
func (s *shard) writeHeads() {
	n := 0
	for ; n < len(s.opening.queue) && s.opening.queue[n].due <= s.now; n++ {
		o := s.opening.queue[n]
		sl := s.slab.slot(o.slot)
		if s.opening.heads[o.slot] != nil && sl.gen() == o.gen {
			s.deliver(o.slot, sl, &wire{})
			s.yield()
		}
	}
	s.opening.queue = slices.Delete(s.opening.queue, 0, n)
}
