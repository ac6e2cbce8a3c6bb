package gateway

import (
	"context"
	"time"
)

// drainGrace is how long a draining gateway only refuses new streams: time for a
// balancer to see that /readyz is 503, so that a client that is told to go is not
// sent straight back. A short window has a shorter one, a quarter of it.
const drainGrace = time.Second

// Drain refuses new streams at once, and after a short grace ends the open ones,
// each at a moment of its own within Config.Drain. It returns when none is left, or
// when ctx ends. It may be called more than once.
func (g *Gateway) Drain(ctx context.Context) {
	g.draining.Store(true)
	if n := g.streams.Load(); n > 0 {
		g.log.Info("draining", "streams", n, "window", g.cfg.Drain)
		grace := time.NewTimer(min(drainGrace, g.cfg.Drain/4))
		defer grace.Stop()
		select {
		case <-grace.C:
		case <-ctx.Done():
		}
	}
	g.cfg.Hub.Drain(ctx, g.cfg.Drain)
}
