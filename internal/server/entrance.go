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
	// enterTime is after how long a connection keeps others out no more that says nothing.
	enterTime = 50 * time.Millisecond
	// askTime is after how long one does whose request is under way. On a slow machine that
	// takes long because there are too many at once: to let others in would make it worse.
	askTime = 250 * time.Millisecond
	// speakTime is how long a new connection has to say something when the server ends.
	speakTime = time.Second
)

// entrance lets new connections in, in order, as those before them get through: the
// first request of each was answered, or its stream has begun. What waits for the loops
// that carry streams counts as well: they must not fall behind.
type entrance struct {
	path string // of streams; every other request lets the next one in when it begins

	mu     sync.Mutex
	order  []*place // from the oldest that is not through and of which no request was read
	asking []*place // from the oldest that is not through and of which one was
	late   []*place // that spoke when their time was over, and wait for another place
	in     int      // that have a place
	// silent are the connections of which no request was read yet.
	silent map[net.Conn]time.Time
	freed  chan struct{}
}

// place is a connection's in the entrance.
type place struct {
	conn net.Conn
	door *entrance

	// Guarded by entrance.mu:
	since   time.Time     // when it came, or when its request was read
	asking  bool          // its request was read
	kept    bool          // beyond the end of its handler
	turn    chan struct{} // of one that is late: closed when it has a place again
	through bool
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
	silent := e.expire(&e.order, false, enterTime)
	asking := e.expire(&e.asking, true, askTime)
	if e.in < entering {
		return 0
	}
	return min(silent, asking)
}

// expire lets those through who were in a queue for too long, and returns when the next
// one will have been. Called with mu held.
func (e *entrance) expire(queue *[]*place, asking bool, most time.Duration) time.Duration {
	for len(*queue) > 0 {
		first := (*queue)[0]
		if !first.through && first.asking == asking {
			if rest := most - time.Since(first.since); rest > 0 {
				return rest
			}
			e.leave(first)
		}
		(*queue)[0] = nil
		*queue = (*queue)[1:]
	}
	return most
}

// leave says that a connection is through. Called with mu held.
func (e *entrance) leave(p *place) {
	if p.through {
		return
	}
	p.through = true
	e.in--
	for e.in < entering && len(e.late) > 0 {
		first := e.late[0]
		e.late[0] = nil
		e.late = e.late[1:]
		e.take(first)
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
			if r.URL.Path == e.path {
				e.asks(r.Context(), p)
				defer e.answered(p)
			} else {
				e.through(p)
			}
		}
		next.ServeHTTP(w, r)
	})
}

// answered says that a handler has returned.
func (e *entrance) answered(p *place) {
	e.mu.Lock()
	kept := p.kept
	e.mu.Unlock()
	if !kept {
		e.through(p)
	}
}

// KeepOut has a request's connection keep others out, even when the request's handler has
// returned, until the returned function is called or some time is over: see
// Server.PaceStreams. A handler calls it when its stream is about to begin. The function
// does not block, is safe for concurrent use, and may be called more than once.
func KeepOut(r *http.Request) (entered func()) {
	p, ok := r.Context().Value(placeKey{}).(*place)
	if !ok {
		return func() {}
	}
	p.door.mu.Lock()
	p.kept = true
	p.door.mu.Unlock()
	return func() { p.door.through(p) }
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
