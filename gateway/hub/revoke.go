package hub

import (
	"time"

	"github.com/bellhop/bellhop/event"
)

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

// EndForbidden ends the streams with a channel that their person may not have any
// more, as forbidden tells: each says bellhop.drain. It returns how many it ended,
// and does not wait for them. forbidden is called with a channel's lock held.
func (h *Hub) EndForbidden(forbidden func(user string, ch event.Channel) bool) (ended int) {
	streams := make(map[*Stream]struct{})
	h.held(func(c *channel) {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, s := range c.subs {
			if forbidden(s.stream.user, c.Name()) {
				streams[s.stream] = struct{}{}
			}
		}
	})
	for s := range streams {
		if s.tell(departure) {
			ended++
		}
	}
	return ended
}
