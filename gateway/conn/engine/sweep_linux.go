package engine

import (
	"time"

	"github.com/bellhop/bellhop/gateway/conn"
)

const (
	// looks is how many times a connection is looked at within its heartbeat's
	// interval.
	looks = 20
	// steps is into how many parts one such look at all connections is divided,
	// so that heartbeats spread by themselves. More of them would wake an idle
	// process more often.
	steps = 10
	// maxPeriod bounds how late a stream is ended for its age or its token.
	maxPeriod = int64(time.Second)
	// minPeriod and minStep bound what sweeping costs, whatever was configured.
	minPeriod = int64(5 * time.Millisecond)
	minStep   = int64(5 * time.Millisecond)
)

// sweep looks at the connections of a shard, one part after the other. It takes
// the place of a timer, or several, for each of them.
type sweep struct {
	period int64 // in which every slot is looked at; ns
	at     int64 // shard.now of the last step
	cursor uint32
}

// include makes the period short enough for a stream with these options.
func (w *sweep) include(opt conn.Options) {
	if w.period == 0 {
		w.period = maxPeriod
	}
	wanted := int64(min(opt.Heartbeat, opt.SlowTimeout)) / looks
	w.period = max(min(w.period, wanted), minPeriod)
}

func (w *sweep) step() int64 { return max(w.period/steps, minStep) }

// pause is the time from now to the next step.
func (w *sweep) pause(now int64) time.Duration {
	return time.Duration(w.at + w.step() - now)
}

// share is how many of n slots are looked at now. After a delay they are more:
// the period is kept.
func (w *sweep) share(n int, now int64) int {
	passed := now - w.at
	if passed < w.step() {
		return 0
	}
	w.at = now
	if passed >= w.period {
		return n
	}
	return int(int64(n)*passed/w.period) + 1
}

// sweepOn does a step if it is time.
func (s *shard) sweepOn() {
	if s.slab.used == 0 {
		s.sweep = sweep{at: s.now}
		return
	}
	n := s.slab.size()
	for range s.sweep.share(n, s.now) {
		if s.sweep.cursor++; s.sweep.cursor >= uint32(n) {
			s.sweep.cursor = 0
		}
		s.visit(s.sweep.cursor)
	}
}

// visit sees to what time brings to a slot.
func (s *shard) visit(i uint32) {
	switch sl := s.slab.slot(i); sl.state {
	case free:
		return
	case lingering:
		s.linger(i, sl)
	case blocked:
		s.lag(i, sl)
	case open:
		switch {
		case s.timeUp(sl) != nothing:
			s.turn(i)
		case s.now-sl.last >= int64(sl.heartbeat)*int64(time.Millisecond)-2*s.sweep.period:
			// By the visit after the next it might be late. The next one is kept
			// in reserve for a loop that is busy.
			s.beat(i, sl)
		default:
			return
		}
	}
	s.yield()
}

// lag looks after a connection whose peer does not take what there is.
func (s *shard) lag(i uint32, sl *slot) {
	switch {
	case s.timeUp(sl) == expired:
		// What was rendered while the token was good may be hours old when such
		// a client takes it.
		s.drop(i, sl, conn.ReasonExpired)
	case s.moved(sl):
		// Epoll tells of room when a third of the buffer is free. A client on a
		// poor line is written to before that.
		s.resume(i, sl)
	case s.stalled(sl):
		s.drop(i, sl, conn.ReasonSlow)
	}
}

// moved tells whether the peer has taken any bytes since the last look.
func (s *shard) moved(sl *slot) bool {
	left := untaken(sl.fd)
	took := left < sl.untaken
	sl.untaken = left
	if took {
		sl.last = s.now
	}
	return took
}

// stalled tells whether the peer has taken nothing for SlowTimeout.
func (s *shard) stalled(sl *slot) bool {
	return s.now-sl.last >= int64(sl.slow)*int64(time.Millisecond)
}
