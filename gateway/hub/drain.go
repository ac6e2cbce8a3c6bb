package hub

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// A drained client reconnects after drainRetry to drainRetry +
// drainRetrySpan: soon, since there are other gateways, and the streams are
// spread by the moments at which they end already.
const (
	drainRetry     = 200 * time.Millisecond
	drainRetrySpan = time.Second
)

// Drain refuses new streams and ends the open ones, spread evenly over window:
// each says bellhop.drain at a moment of its own. It returns when no stream is
// left, or when ctx ends.
func (h *Hub) Drain(ctx context.Context, window time.Duration) {
	h.mu.Lock()
	if !h.draining {
		h.draining = true
		h.empty = make(chan struct{})
		if len(h.streams) == 0 {
			close(h.empty)
		}
	}
	empty := h.empty
	open := slices.Clone(h.streams)
	h.mu.Unlock()

	rand.Shuffle(len(open), func(i, j int) { open[i], open[j] = open[j], open[i] })
	start := time.Now()
	turn := time.NewTimer(0)
	defer turn.Stop()
	for i, s := range open {
		turn.Reset(time.Until(start.Add(window * time.Duration(i) / time.Duration(len(open)))))
		select {
		case <-turn.C:
		case <-empty:
			return
		case <-ctx.Done():
			return
		}
		s.tell(departure)
	}
	select {
	case <-empty:
	case <-ctx.Done():
	}
}

// closed takes a stream off the books.
func (h *Hub) closed(s *Stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	final := len(h.streams) - 1
	h.streams[s.place] = h.streams[final]
	h.streams[s.place].place = s.place
	h.streams[final] = nil
	h.streams = h.streams[:final]
	if h.draining && len(h.streams) == 0 {
		close(h.empty) // once, since no stream comes any more
	}
}
