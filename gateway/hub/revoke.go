package hub

import "time"

// EndRevoked ends the streams whose token is no good any more, as revoked tells:
// each says bellhop.expired. It returns how many these are, and does not wait
// for them. revoked is called with the hub's lock held and must be quick; it gets
// the person, as the key of their inbox, and the second of issue, zero if unknown.
func (h *Hub) EndRevoked(revoked func(user string, issued time.Time) bool) int {
	var ended []*Stream
	h.mu.Lock()
	for _, s := range h.streams {
		var issued time.Time
		if s.issued != 0 {
			issued = time.Unix(s.issued, 0)
		}
		if s.user != "" && revoked(s.user, issued) {
			ended = append(ended, s)
		}
	}
	h.mu.Unlock()
	for _, s := range ended {
		s.tell(expired)
	}
	return len(ended)
}
