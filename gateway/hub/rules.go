package hub

import (
	"sync"

	"github.com/bellhop/bellhop/gateway/hub/track"
)

// Rules say how the channels of a namespace are followed. The zero value is a
// channel of the database whose listeners get every event, from the moment of
// their join on.
type Rules = track.Rules

// sharedRules are the rules of all channels, each once: there are as many as the
// configuration has kinds of namespaces.
type sharedRules struct {
	mu  sync.Mutex
	all map[Rules]*Rules
}

func (s *sharedRules) of(r Rules) *Rules {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = make(map[Rules]*Rules)
	}
	if s.all[r] == nil {
		s.all[r] = &r
	}
	return s.all[r]
}
