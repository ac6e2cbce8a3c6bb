package hub

import "github.com/bellhop/bellhop/auth"

// EndRevoked ends the streams whose token is no good any more, as revoked tells:
// each says bellhop.expired. It returns how many these are, and does not wait
// for them. revoked is called with the hub's lock held and must be quick.
func (h *Hub) EndRevoked(revoked func(*auth.Claims) bool) int {
	var ended []*Stream
	h.mu.Lock()
	for s := range h.streams {
		if s.claims != nil && revoked(s.claims) {
			ended = append(ended, s)
		}
	}
	h.mu.Unlock()
	for _, s := range ended {
		s.revoke()
	}
	return len(ended)
}

// revoke tells the stream that its token is no good any more.
func (s *Stream) revoke() {
	s.mu.Lock()
	s.gone = true
	s.mu.Unlock()
	s.wakeUp()
}
