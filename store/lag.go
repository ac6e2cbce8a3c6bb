package store

import (
	"context"
	"time"
)

// watchEvery is how often it is asked how far replicas are behind.
const watchEvery = 5 * time.Second

// unknownLag is that of a replica that did not say how far it is.
const unknownLag = -1

// Watch asks every five seconds how far the replicas are behind, until ctx ends. It
// returns at once where there are none.
func (d *DB) Watch(ctx context.Context) {
	if len(d.replicas.all) == 0 {
		return
	}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		primary, err := newest(ctx, d.primary)
		for _, r := range d.replicas.all {
			if err != nil {
				r.lag.Store(unknownLag)
				continue
			}
			r.measure(ctx, primary)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// row is the newest row of the tail that a server has; the zero value: there is none.
type row struct {
	ID uint64 `db:"id"`
	At int64  `db:"at"` // milliseconds since 1970
}

func newest(ctx context.Context, s *server) (r row, err error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return r, s.GetContext(ctx, &r, "SELECT COALESCE(MAX(id), 0) AS id, COALESCE(MAX(at), 0) AS at FROM (SELECT id, at FROM commits ORDER BY id DESC LIMIT 1) AS newest")
}

// measure asks the replica, unless it is passed over, how far it is behind what the
// primary had just now.
func (r *replica) measure(ctx context.Context, primary row) {
	failures, ok := r.claim(time.Now())
	if !ok {
		r.lag.Store(unknownLag)
		return
	}
	has, err := newest(ctx, r.server)
	if ctx.Err() != nil {
		return
	}
	r.report(failures, err, time.Now())
	switch {
	case err != nil:
		r.failures.Add(1)
		r.lag.Store(unknownLag)
	case has.ID >= primary.ID:
		r.lag.Store(0)
	default: // of what is older than the tail nobody knows the age
		r.lag.Store(int64(min(time.Duration(max(primary.At-has.At, 1))*time.Millisecond, CommitLife)))
	}
}
