package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// A replica that does not answer is passed over for a while, longer each
	// time, so that its absence costs one question now and then and not a
	// timeout in every read.
	replicaMinPause = time.Second
	replicaMaxPause = 15 * time.Second
)

var errNoReplica = errors.New("no replica answers")

// replicas takes turns among the replicas that answer.
type replicas struct {
	all  []*replica
	next atomic.Uint32
}

// replica is a server that may be passed over.
type replica struct {
	*server
	lag    atomic.Int64 // a time.Duration; see Watch
	mu     sync.Mutex   // guards what follows
	silent int          // failures since it last answered
	why    error        // the last of them
	until  time.Time    // passed over till then
}

// each asks one replica after the other until one answers: until ask returns
// nil, or an error that is not of the connection.
func (rs *replicas) each(ctx context.Context, ask func(context.Context, *server) error) error {
	n := len(rs.all)
	if n == 0 {
		return errNoReplica
	}
	start := int(rs.next.Add(1) % uint32(n))
	last := errNoReplica
	for i := range n {
		err := rs.all[(start+i)%n].try(ctx, ask)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if !errors.Is(err, errNoReplica) {
			last = err
		}
	}
	return last
}

// try asks the replica, unless it is passed over, and remembers how it fared.
func (r *replica) try(ctx context.Context, ask func(context.Context, *server) error) error {
	failures, ok := r.claim(time.Now())
	if !ok {
		return errNoReplica
	}
	err := ask(ctx, r.server)
	if ctx.Err() != nil {
		return ctx.Err() // says nothing about the replica
	}
	r.report(failures, err, time.Now())
	if err != nil {
		r.failures.Add(1)
	}
	return err
}

// claim tells whether to ask the replica, and what to report back with. When its
// pause is over one caller gets to try, and the others go on passing it over.
func (r *replica) claim(now time.Time) (failures int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.silent == 0 {
		return 0, true
	}
	if now.Before(r.until) {
		return 0, false
	}
	r.until = now.Add(readTimeout)
	return r.silent, true
}

// report says how the replica fared. Of those who asked it at the same time, and
// all had to wait, one makes the pause longer.
func (r *replica) report(failures int, err error, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.why = err
	switch {
	case err == nil:
		r.silent = 0
	case r.silent == failures:
		r.until = now.Add(min(replicaMinPause<<min(failures, 4), replicaMaxPause))
		r.silent++
		r.drop()
	}
}
