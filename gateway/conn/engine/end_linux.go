package engine

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/bellhop/bellhop/gateway/conn"
)

// lingerTime is how long a peer that has everything may take to close its side.
const lingerTime = int64(2 * time.Second)

// finish ends a response whose last chunk was written. The stream is over for
// its source; the connection waits for the peer, who may still be reading.
func (s *shard) finish(i uint32, sl *slot) {
	s.unblock(i, sl)
	// It fails only where the peer is gone, which the loop hears of anyway.
	_ = unix.Shutdown(int(sl.fd), unix.SHUT_WR)
	src := s.slab.source(i)
	s.slab.forget(i)
	sl.state, sl.last, sl.untaken = lingering, s.now, untaken(sl.fd)
	s.engine.over(src, sl.why())
}

// linger looks after a connection whose response is over.
func (s *shard) linger(i uint32, sl *slot) {
	s.moved(sl) // a peer that still takes bytes has its time anew
	switch {
	case sl.untaken == 0 && s.now-sl.last >= lingerTime:
		s.leave(i, sl)
	case sl.untaken > 0 && s.stalled(sl):
		abort(int(sl.fd))
		s.slab.free(i)
	}
}

// leave closes a connection whose response is over and was taken.
func (s *shard) leave(i uint32, sl *slot) {
	shut(int(sl.fd), s.scratch[:])
	s.slab.free(i)
}

// drop ends a stream without ending its response: the client must not take it
// for complete.
func (s *shard) drop(i uint32, sl *slot, reason conn.Reason) {
	s.unblock(i, sl)
	s.opening.take(i)
	abort(int(sl.fd))
	src := s.slab.source(i)
	s.slab.free(i)
	s.engine.over(src, reason)
}

// cutOff closes everything.
func (s *shard) cutOff() {
	for i := range uint32(s.slab.size()) {
		switch sl := s.slab.slot(i); sl.state {
		case free:
		case open, blocked:
			s.cut.Add(1)
			s.drop(i, sl, conn.ReasonStop)
		case lingering:
			if untaken(sl.fd) > 0 {
				abort(int(sl.fd))
				s.slab.free(i)
			} else {
				s.leave(i, sl)
			}
		}
	}
}
