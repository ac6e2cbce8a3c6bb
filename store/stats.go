package store

import (
	"database/sql"
	"sync/atomic"
	"time"
)

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
