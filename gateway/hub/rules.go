package hub

import (
	"sync"
	"time"

	"github.com/bellhop/bellhop/gateway/hub/track"
)

// Rules say how the channels of a namespace are followed. The zero value is a
// channel of the database whose listeners get every event, from the moment of
// their join on.
type Rules struct {
	// Kept: the channels are in Config.Kept, not in the database.
	Kept bool
	// JoinLatest hands a listener that brings no position the newest event (with
	// Conflate: the newest of each type) before its bellhop.ready. Nothing stands
	// in for a newest event that was deleted or has expired.
	JoinLatest bool
	// Conflate lets a listener that is behind skip to the newest event of each
	// type. What it gets is in the order of the channel, and the last value
	// always arrives.
	Conflate bool
	// MaxRate is how many times a second the listeners of a channel are given
	// what is new; zero: every time. It needs Conflate.
	MaxRate int
}

// sharedRules are the rules of all channels, each once: there are as many as the
// configuration has kinds of namespaces.
type sharedRules struct {
	mu  sync.Mutex
	all map[Rules]*track.Rules
}

func (s *sharedRules) of(r Rules, limits *track.Limits) *track.Rules {
	s.mu.Lock()
	defer s.mu.Unlock()
	shared := s.all[r]
	if shared == nil {
		shared = &track.Rules{OwnEpoch: r.Kept, JoinLatest: r.JoinLatest, Conflate: r.Conflate, Limits: limits}
		if r.Conflate && r.MaxRate > 0 {
			shared.Period = time.Second / time.Duration(r.MaxRate)
		}
		if s.all == nil {
			s.all = make(map[Rules]*track.Rules)
		}
		s.all[r] = shared
	}
	return shared
}
