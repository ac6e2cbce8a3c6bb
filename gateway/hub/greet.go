package hub

import (
	"math/rand/v2"
	"time"
)

// placed tells whether every channel has a position, or is known to wait for the
// kept log. No event is written before: the ids would say nothing of the channels
// that come later.
func (s *Stream) placed() bool {
	for i := range s.subs {
		if b := &s.subs[i]; !b.placed && !b.away {
			return false
		}
	}
	return true
}

// greet says bellhop.ready once every channel has been replayed, and again when
// the primary stands behind a stream that began without it, or when a channel
// that waited for the kept log has been replayed.
func (s *Stream) greet(w *writer) {
	if s.ready && !s.stale && s.waiting == 0 {
		return
	}
	stale, away := false, 0
	for i := range s.subs {
		b := &s.subs[i]
		switch {
		case b.away:
			away++
		case b.state == waiting, b.owed != nil, b.pos.Seq < b.reach:
			return
		}
		stale = stale || b.stale
	}
	if s.ready && (stale || !s.stale) && away == int(s.waiting) {
		return
	}
	for i := range s.subs {
		if b := &s.subs[i]; !b.away {
			b.brought = nil
		}
	}
	if !s.ready {
		s.hub.metrics.joins.Observe(time.Since(s.opening.at).Seconds())
	}
	s.ready, s.stale, s.waiting = true, stale, uint8(away)
	w.ready(s.opening)
	if !stale && away == 0 {
		s.opening = nil
	}
}

// spread is how long a stream that is live waits before it tells its client of
// a reset: many clients will then refetch at different moments.
func (s *Stream) spread() time.Duration {
	if !s.ready {
		return 0
	}
	longest := min(s.hub.cfg.ResetSpread, time.Duration(s.hub.Streams())*time.Millisecond)
	return rand.N(longest + 1)
}
