package hub

import (
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/conn"
)

// Reasons of the hub for ending a stream.
const (
	ReasonDrain     conn.Reason = "drain"     // the gateway goes away
	ReasonRevoked   conn.Reason = "revoked"   // the token is no good any more
	ReasonExcess    conn.Reason = "excess"    // the person has too many streams
	ReasonBackwards conn.Reason = "backwards" // the log went back within an epoch
)

var _ conn.Explainer = (*Stream)(nil)

// Why implements conn.Explainer. What the connection asked for itself, the end at
// a maximum age or with a token's expiry, has its reason there.
func (s *Stream) Why() conn.Reason {
	switch s.leave {
	case departure:
		return ReasonDrain
	case expired:
		return ReasonRevoked
	case refusal:
		return ReasonExcess
	case silent:
		return ReasonBackwards
	case goesOn:
	}
	return conn.ReasonEnd
}

// A client that has too many streams is told to come back after RefusedLeast to
// RefusedLeast + RefusedSpan. This is long, because the client can't change it by
// itself, and random, so that clients don't come back together.
const (
	RefusedLeast = 30 * time.Second
	RefusedSpan  = time.Minute
)

// EndExcess ends this many streams of a person who has too many, or all of them if
// there are fewer. Each says bellhop.refused. It returns how many it ended, without
// those that were about to end anyway, and does not wait for them.
func (h *Hub) EndExcess(user string, streams int) (ended int) {
	for _, s := range h.those(func(s *Stream) bool { return s.who.user == user }) {
		if ended == streams {
			break
		}
		if s.tell(refusal) {
			ended++
		}
	}
	return ended
}

// EndRevoked ends the streams whose token is no good any more, as revoked tells:
// each says bellhop.expired. It returns how many these are, and does not wait
// for them. revoked is called with the hub's lock held and must be quick; it gets
// the person, as the key of their inbox, and the second of issue, zero if unknown.
func (h *Hub) EndRevoked(revoked func(user string, issued time.Time) bool) int {
	ended := h.those(func(s *Stream) bool {
		var issued time.Time
		if s.who.issued != 0 {
			issued = time.Unix(s.who.issued, 0)
		}
		return s.who.user != "" && revoked(s.who.user, issued)
	})
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
			if forbidden(s.stream.who.user, c.Name()) {
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

// those are the open streams that are meant, which is asked with the hub's lock held.
func (h *Hub) those(meant func(*Stream) bool) (streams []*Stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.streams {
		if meant(s) {
			streams = append(streams, s)
		}
	}
	return streams
}
