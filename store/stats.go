package store

import (
	"context"
	"database/sql"
	"sync/atomic"
	"time"

	"github.com/bellhop/bellhop/internal/wait"
)

// watchEvery is how often it is asked how far replicas are behind.
const watchEvery = 5 * time.Second

// unknownLag is that of a replica that did not say how far it is.
const unknownLag = -1

// counts are what became of what a server was asked for. Of the primary only pages are
// counted.
type counts struct {
	pages, failures, behind atomic.Uint64
}

// ServerStats is how a server of the log fares.
type ServerStats struct {
	Server  string // host:port
	Replica bool
	Pool    sql.DBStats
	// Pages are those of events and inboxes that it served.
	Pages uint64
	// Failures are questions that a replica did not answer, and Behind are pages that
	// were read from the primary because the replica did not have them yet.
	Failures, Behind uint64
	// PassedOver: a replica that does not answer, and is not asked at the moment. Why says
	// what it failed with.
	PassedOver bool
	Why        string
	// Lag is how far a replica was behind when Watch last asked, a minute at most; below
	// zero: it is not known.
	Lag time.Duration
}

// Stats tells how the servers of the log fare, the primary first. It asks nobody.
func (d *DB) Stats() []ServerStats {
	all := []ServerStats{d.reader.stats()}
	for _, r := range d.replicas.all {
		s := r.stats()
		s.Replica, s.Lag = true, time.Duration(r.lag.Load())
		s.PassedOver, s.Why = r.passedOver(time.Now())
		all = append(all, s)
	}
	return all
}

func (s *server) stats() ServerStats {
	return ServerStats{Server: s.name, Pool: s.Stats(), Pages: s.pages.Load(), Failures: s.failures.Load(), Behind: s.behind.Load()}
}

// passedOver tells whether nobody asks the replica at the moment, and why.
func (r *replica) passedOver(now time.Time) (over bool, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.silent > 0 && r.why != nil {
		why = r.why.Error()
	}
	return r.silent > 0 && now.Before(r.until), why
}

// Watch asks every five seconds how far the replicas are behind, until ctx ends. It
// returns at once where there are none.
func (d *DB) Watch(ctx context.Context) {
	for going := len(d.replicas.all) > 0; going; going = wait.For(ctx, watchEvery) {
		primary, err := newest(ctx, d.primary)
		for _, r := range d.replicas.all {
			if err != nil {
				r.lag.Store(unknownLag)
				continue
			}
			r.measure(ctx, primary)
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
	var has row
	err := r.try(ctx, func(ctx context.Context, s *server) (err error) {
		has, err = newest(ctx, s)
		return err
	})
	switch {
	case ctx.Err() != nil:
	case err != nil:
		r.lag.Store(unknownLag)
	case has.ID >= primary.ID:
		r.lag.Store(0)
	default: // of what is older than the tail nobody knows the age
		r.lag.Store(int64(min(time.Duration(max(primary.At-has.At, 1))*time.Millisecond, CommitLife)))
	}
}
