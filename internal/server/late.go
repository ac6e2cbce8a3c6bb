package server

import (
	"context"
	"time"
)

// asks says that the first request of a connection was read. Whoever was silent for too
// long waits until there is a place, or for askTime: there may be many of them, and all
// may speak at once.
func (e *entrance) asks(ctx context.Context, p *place) {
	turn := e.askTurn(p)
	if turn == nil {
		return
	}
	timer := time.NewTimer(askTime)
	defer timer.Stop()
	select {
	case <-turn:
	case <-timer.C:
	case <-ctx.Done():
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.take(p)
}

// askTurn returns nil if the connection has a place.
func (e *entrance) askTurn(p *place) chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if p.asking {
		return nil // this is not its first request
	}
	p.asking = true
	if !p.through {
		p.since = time.Now()
		e.asking = append(e.asking, p)
		return nil
	}
	turn := make(chan struct{})
	p.turn = turn
	if e.in < entering {
		e.take(p)
		return nil
	}
	e.late = append(e.late, p)
	return turn
}

// take gives a place to one that is late, if it still waits. Called with mu held.
func (e *entrance) take(p *place) {
	if p.turn == nil {
		return
	}
	close(p.turn)
	p.turn, p.through, p.since = nil, false, time.Now()
	e.in++
	e.asking = append(e.asking, p)
}
