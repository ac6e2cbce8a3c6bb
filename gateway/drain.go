package gateway

import "context"

// Drain refuses new streams and ends the open ones, each at a moment of its own
// within Config.Drain. It returns when none is left, or when ctx ends. It may be
// called more than once. Balancers should have looked away by then (the server's
// DrainDelay), or a client that is told to go is sent straight back.
func (g *Gateway) Drain(ctx context.Context) {
	g.draining.Store(true)
	if n := g.streams.Load(); n > 0 {
		g.log.Info("draining", "streams", n, "window", g.cfg.Drain)
	}
	g.polls.Close()
	g.cfg.Hub.Drain(ctx, g.cfg.Drain)
}

// Streams is how many are open.
func (g *Gateway) Streams() int { return int(g.streams.Load()) }
