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
	// speakTime is how long a new connection has to say something when the server ends.
	speakTime = time.Second
)

// entrance lets new connections in, in order, as those before them get through: the
// first request of each was answered, or its stream has begun.
type entrance struct {
	path string // of streams; every other request lets the next one in when it begins

	mu    sync.Mutex
	order []*place // from the oldest that is not through
	in    int      // that are not through
	// silent are the connections of which no request was read yet.
	silent map[net.Conn]time.Time
	freed  chan struct{}
}

// place is a connection's in the entrance.
type place struct {
	conn    net.Conn
	door    *entrance
	since   time.Time
	through bool // guarded by entrance.mu
}

func newEntrance(path string) *entrance {
	return &entrance{path: path, freed: make(chan struct{}, 1), silent: make(map[net.Conn]time.Time)}
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
func (e *entrance) enter(ctx context.Context, c net.Conn) context.Context {
	p := &place{conn: c, door: e, since: time.Now()}
	e.mu.Lock()
	e.order = append(e.order, p)
	e.in++
	e.mu.Unlock()
	return context.WithValue(ctx, placeKey{}, p)
}

// came says that a connection came, or was taken.
func (e *entrance) came(c net.Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.silent[c] = time.Now()
}

// state is http.Server.ConnState.
func (e *entrance) state(c net.Conn, s http.ConnState) {
	if s == http.StateClosed || s == http.StateHijacked {
		e.spoke(c)
	}
}

// spoke says that a request of a connection was read, or will never be.
func (e *entrance) spoke(c net.Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.silent, c)
}

// waitForRequests returns once the requests of all that came within speakTime were read,
// or ctx ends: net/http drops a request that it reads while it shuts down.
func (e *entrance) waitForRequests(ctx context.Context) {
	often := time.NewTicker(aheadGap)
	defer often.Stop()
	for e.expects() {
		select {
		case <-often.C:
		case <-ctx.Done():
			return
		}
	}
}

// expects tells whether a request is still to come from a connection that is new.
func (e *entrance) expects() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, since := range e.silent {
		if time.Since(since) < speakTime {
			return true
		}
	}
	return false
}

// handler has a connection's first request give its place back.
func (e *entrance) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p, ok := r.Context().Value(placeKey{}).(*place); ok {
			e.spoke(p.conn)
		}
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
