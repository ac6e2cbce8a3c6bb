package limit

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// rateSaved is how long an address may save up what it did not use: people
	// behind one address come back together after a deployment.
	rateSaved = 10 * time.Second
	// maxRates bounds the addresses that are kept. Only those that used some of
	// their allowance lately are; when there are more, all others share one.
	maxRates = 1 << 16
)

// rates is a token bucket for each address, kept as the one moment at which the
// bucket will be full again. An address whose bucket is full needs no entry.
type rates struct {
	gap time.Duration // between requests; 0: no limit
	now func() time.Time

	mu    sync.Mutex
	full  map[netip.Addr]time.Time
	swept time.Time
}

func newRates(perSecond int) *rates {
	r := &rates{now: time.Now, full: make(map[netip.Addr]time.Time)}
	if perSecond > 0 {
		r.gap = max(time.Second/time.Duration(perSecond), 1)
	}
	return r
}

func (r *rates) allow(from netip.Addr) bool {
	if r.gap == 0 {
		return true
	}
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	full, known := r.full[from]
	if !known && len(r.full) >= maxRates {
		r.sweep(now)
		if len(r.full) >= maxRates {
			from = netip.Addr{}
			full = r.full[from]
		}
	}
	if full.Before(now) {
		full = now
	}
	if full = full.Add(r.gap); full.Sub(now) > rateSaved {
		return false
	}
	r.full[from] = full
	return true
}

// sweep forgets the addresses whose bucket is full, once a second at most: a
// flood of addresses must not have every request look through the table.
func (r *rates) sweep(now time.Time) {
	if now.Sub(r.swept) < time.Second {
		return
	}
	r.swept = now
	for from, full := range r.full {
		if !full.After(now) {
			delete(r.full, from)
		}
	}
}
