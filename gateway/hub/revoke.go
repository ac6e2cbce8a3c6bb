package hub

import (
	"time"

	"github.com/bellhop/bellhop/auth"
)

// EndRevoked ends the streams whose token is no good any more, as revoked tells:
// each says bellhop.expired. It returns how many these are, and does not wait
// for them. revoked is called with the hub's lock held and must be quick; of the
// claims it gets the subject and the second of issue, in a value that it must
// not keep.
func (h *Hub) EndRevoked(revoked func(*auth.Claims) bool) int {
	var ended []*Stream
	var claims auth.Claims
	h.mu.Lock()
	for _, s := range h.streams {
		if s.subject == "" {
			continue
		}
		claims.Subject, claims.IssuedAt = s.subject, time.Time{}
		if s.issued != 0 {
			claims.IssuedAt = time.Unix(s.issued, 0)
		}
		if revoked(&claims) {
			ended = append(ended, s)
		}
	}
	h.mu.Unlock()
	for _, s := range ended {
		s.tell(expired)
	}
	return len(ended)
}
