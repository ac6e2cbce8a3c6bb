package engine

import "github.com/bellhop/bellhop/gateway/conn"

// turn lets a stream say what it has. It may name a slot that is free by now, or
// another connection's: then the source is asked once too often.
func (s *shard) turn(i uint32) {
	sl := s.slab.slot(i)
	if sl.state != open {
		return // one that is blocked is asked when its socket took the rest
	}
	// First: a wake that comes from here on queues the slot again.
	sl.mark.Store(sl.gen())
	src := s.slab.source(i)
	for said := 0; said < turnBytes; {
		if sl.told == nothing {
			if sl.told = s.timeUp(sl); sl.told != nothing {
				src.End(sl.why())
			}
		}
		bufs, end := src.Next(s.bufs[:0], piece)
		w := wire{bufs: bufs, last: end}
		for _, b := range bufs {
			w.size += len(b)
		}
		if w.size == 0 && sl.told != nothing {
			w.last = true // it had its say
		}
		if w.size == 0 && !w.last {
			return
		}
		on := s.deliver(i, sl, &w)
		clear(bufs) // frames are shared, and must not outlive their rings here
		s.bufs = bufs[:0]
		if !on {
			return
		}
		said += w.size
	}
	if !sl.again { // one place for each, or a stream that is woken too had ever more turns
		sl.again = true
		s.again = append(s.again, i)
	}
}

// timeUp tells whether, and for which cause, the stream has to end by now.
func (s *shard) timeUp(sl *slot) told {
	switch {
	case s.wall >= sl.expiry:
		return expired
	case s.now >= sl.age:
		return aged
	}
	return nothing
}

// why is the reason for which the stream's time is up.
func (s *slot) why() conn.Reason {
	switch s.told {
	case expired:
		return conn.ReasonExpired
	case aged:
		return conn.ReasonAge
	case nothing:
	}
	return conn.ReasonEnd
}

// deliver writes w and tells whether the stream can go on: it can't if the
// socket did not take all, or failed, or if this was the end.
func (s *shard) deliver(i uint32, sl *slot, w *wire) bool {
	if head := s.opening.take(i); head != nil {
		w.head = head // else it was taken with what is written on
	}
	all, err := s.write(sl, w)
	switch {
	case err != nil:
		s.drop(i, sl, reasonOf(err))
	case !all:
		s.block(i, sl, w)
	case w.last:
		s.finish(i, sl)
	default:
		return true
	}
	return false
}

// write gives the socket as much of w as it takes.
func (s *shard) write(sl *slot, w *wire) (all bool, err error) {
	for {
		n := w.fill(s.scratch[:])
		if n == 0 {
			return true, nil
		}
		sent, err := send(sl.fd, s.scratch[:n])
		if err != nil {
			return false, err
		}
		s.writes++
		s.bytes += sent
		w.sent += sent
		if sent > 0 {
			sl.last = s.now
		}
		switch {
		case sent < n: // epoll tells of room after a short write too: epoll(7), question 9
			return false, nil
		case n < len(s.scratch):
			return true, nil
		}
	}
}

// block keeps what the socket did not take. Until it is written nothing else is,
// and the source is not asked: a client that lags costs one piece, not a queue.
func (s *shard) block(i uint32, sl *slot, w *wire) {
	if sl.state != blocked {
		sl.state = blocked
		kept := *w // a copy, so that wires that are written at once need no memory
		kept.keep()
		s.blocked[i] = &kept
		s.engine.metrics.blocked.Inc()
	}
	waiting := s.blocked[i]
	s.hold(waiting, waiting.left())
	sl.untaken = untaken(sl.fd)
	if sl.armed {
		return
	}
	sl.armed = true
	if err := s.poller.watchRoom(int(sl.fd), i, sl.gen()); err != nil {
		s.engine.cfg.Logger.Error("a stream can't be watched", "error", err)
		s.drop(i, sl, conn.ReasonError)
	}
}

// hold tells the metric how much of a wire waits.
func (s *shard) hold(w *wire, bytes int) {
	s.engine.metrics.backlog.Add(float64(bytes - w.held))
	w.held = bytes
}

// unblock forgets the wire of a slot, if it is blocked.
func (s *shard) unblock(i uint32, sl *slot) {
	if sl.state != blocked {
		return
	}
	sl.state = open
	s.hold(s.blocked[i], 0)
	delete(s.blocked, i)
	s.engine.metrics.blocked.Dec()
}

// resume writes on what the socket did not take before.
func (s *shard) resume(i uint32, sl *slot) {
	if s.deliver(i, sl, s.blocked[i]) {
		s.unblock(i, sl)
		s.turn(i)
	}
}

// beat breaks a silence.
func (s *shard) beat(i uint32, sl *slot) {
	s.one[0] = s.slab.source(i).Heartbeat()
	if n := len(s.one[0]); n > 0 {
		s.deliver(i, sl, &wire{bufs: s.one[:], size: n})
	}
}
