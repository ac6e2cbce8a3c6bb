package server

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// entering is how many new connections may have their first request under way.
	// Go's scheduler knows no priorities: what goes to streams that are open waits
	// behind all goroutines that can run, so there must not be many.
	entering = 64
	// enterTime is after how long a connection keeps others out no more, whatever became
	// of it: it may say nothing.
	enterTime = 50 * time.Millisecond
)

// entrance lets new connections in, in order, as those before them get through: the
// first request of each was answered, or its stream has begun.
type entrance struct {
	path string // of streams; every other request lets the next one in when it begins

	mu    sync.Mutex
	order []*place // from the oldest that is not through
	in    int      // that are not through
	freed chan struct{}
}

// place is a connection's in the entrance.
type place struct {
	door    *entrance
	since   time.Time
	through bool // guarded by entrance.mu
}

func newEntrance(path string) *entrance {
	return &entrance{path: path, freed: make(chan struct{}, 1)}
}

// wait returns once there is a place, or closed is.
func (e *entrance) wait(closed <-chan struct{}) {
	for {
		rest := e.full()
		if rest <= 0 {
			return
		}
		timer := time.NewTimer(rest)
		select {
		case <-e.freed:
		case <-timer.C:
		case <-closed:
		}
		timer.Stop()
		select {
		case <-closed:
			return
		default:
		}
	}
}

// full is how long it takes until there is a place if nobody gets through before; zero:
// there is one.
func (e *entrance) full() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(e.order) > 0 {
		first := e.order[0]
		rest := enterTime - time.Since(first.since)
		if !first.through && rest > 0 {
			if e.in < entering {
				return 0
			}
			return rest
		}
		e.leave(first)
		e.order[0] = nil
		e.order = e.order[1:]
	}
	return 0
}

// leave says that a connection is through. Called with mu held.
func (e *entrance) leave(p *place) {
	if !p.through {
		p.through = true
		e.in--
	}
}

type placeKey struct{}

// enter is http.Server.ConnContext.
func (e *entrance) enter(ctx context.Context, _ net.Conn) context.Context {
	p := &place{door: e, since: time.Now()}
	e.mu.Lock()
	e.order = append(e.order, p)
	e.in++
	e.mu.Unlock()
	return context.WithValue(ctx, placeKey{}, p)
}

// handler has a connection's first request give its place back.
func (e *entrance) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == e.path {
			defer Entered(r)
		} else {
			Entered(r)
		}
		next.ServeHTTP(w, r)
	})
}

// Entered lets the next connection in, if this request's kept it out: see
// Server.PaceStreams. A handler calls it when it begins to carry a stream.
func Entered(r *http.Request) {
	if p, ok := r.Context().Value(placeKey{}).(*place); ok {
		p.door.through(p)
	}
}

func (e *entrance) through(p *place) {
	e.mu.Lock()
	e.leave(p)
	e.mu.Unlock()
	select {
	case e.freed <- struct{}{}:
	default:
	}
}
