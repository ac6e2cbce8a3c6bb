package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// replicaTimeout is how long one replica is waited for. Whoever waits has
	// the primary, or the next replica, still before him.
	replicaTimeout = 2 * time.Second
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

// replica is a server that may be passed over. The zero pause means that it
// answered when it was last asked.
type replica struct {
	*server
	mu    sync.Mutex // guards what follows
	pause time.Duration
	until time.Time
}

// each asks one replica after the other until one answers: until ask returns
// nil, or an error that is not of the connection.
func (rs *replicas) each(ctx context.Context, ask func(context.Context, *server) error) error {
	n := len(rs.all)
	if n == 0 {
		return errNoReplica
	}
	start := int(rs.next.Add(1) % uint32(n)) //nolint:gosec // a handful of replicas
	last := errNoReplica
	for i := range n {
		r := rs.all[(start+i)%n]
		if !r.claim(time.Now()) {
			continue
		}
		askCtx, cancel := context.WithTimeout(ctx, replicaTimeout)
		err := ask(askCtx, r.server)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err() // says nothing about the replica
		}
		r.report(err == nil, time.Now())
		if err == nil {
			return nil
		}
		last = err
	}
	return last
}

// claim tells whether to ask the replica. When its pause is over one caller
// gets to try, and the others go on passing it over until he reports.
func (r *replica) claim(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pause == 0 {
		return true
	}
	if now.Before(r.until) {
		return false
	}
	r.until = now.Add(replicaTimeout)
	return true
}

func (r *replica) report(answered bool, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case answered:
		r.pause = 0
	case now.Before(r.until) && r.pause > 0 && r.until.Sub(now) > replicaTimeout:
		// Somebody else has found out in the meantime.
	default:
		r.pause = min(max(2*r.pause, replicaMinPause), replicaMaxPause)
		r.until = now.Add(r.pause)
		r.drop()
	}
}
