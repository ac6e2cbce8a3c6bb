package hub

import "time"

// Who is told that there are too many streams comes back after RefusedLeast to
// RefusedLeast + RefusedSpan: long, since nothing that the client does by itself
// changes it, and at a moment of its own.
const (
	RefusedLeast = 30 * time.Second
	RefusedSpan  = time.Minute
)

// EndExcess ends so many of a person's streams, or all there are if these are
// fewer: each says bellhop.refused. It returns how many it ended, without those
// that were about to end anyway, and does not wait for them.
func (h *Hub) EndExcess(user string, streams int) (ended int) {
	var theirs []*Stream
	h.mu.Lock()
	for _, s := range h.streams {
		if s.user == user {
			theirs = append(theirs, s)
		}
	}
	h.mu.Unlock()
	for _, s := range theirs {
		if ended == streams {
			break
		}
		if s.tell(refusal) {
			ended++
		}
	}
	return ended
}
