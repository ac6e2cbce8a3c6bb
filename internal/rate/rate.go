// Package rate bounds how often each of many comes.
package rate

import (
	"sync"
	"time"
)

// maxKeys bounds the keys that are kept. Only those that used some of their
// allowance lately are; when there are more, all others share one.
const maxKeys = 1 << 16

// Limiter is a token bucket for each key, kept as the one moment at which the
// bucket will be full again. A key whose bucket is full needs no entry. It is safe
// for concurrent use.
type Limiter[K comparable] struct {
	gap   time.Duration // between requests; 0: no limit
	saved time.Duration

	mu    sync.Mutex
	full  map[K]time.Time
	swept time.Time
}

// New makes a limiter of so many requests in a second for each key, which may save
// up what it did not use for as long as saved. Below 1 a second there is no limit.
func New[K comparable](perSecond int, saved time.Duration) *Limiter[K] {
	l := &Limiter[K]{saved: saved, full: make(map[K]time.Time)}
	if perSecond > 0 {
		l.gap = max(time.Second/time.Duration(perSecond), 1)
	}
	return l
}

// Allow counts a request of a key, and tells whether it may be carried out now.
func (l *Limiter[K]) Allow(key K) bool {
	if l.gap == 0 {
		return true
	}
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	full, known := l.full[key]
	if !known && len(l.full) >= maxKeys {
		l.sweep(now)
		if len(l.full) >= maxKeys {
			var all K
			key, full = all, l.full[all]
		}
	}
	if full.Before(now) {
		full = now
	}
	if full = full.Add(l.gap); full.Sub(now) > l.saved {
		return false
	}
	l.full[key] = full
	return true
}

// sweep forgets the keys whose bucket is full, once a second at most: a flood of
// keys must not have every request look through the table.
func (l *Limiter[K]) sweep(now time.Time) {
	if now.Sub(l.swept) < time.Second {
		return
	}
	l.swept = now
	for key, full := range l.full {
		if !full.After(now) {
			delete(l.full, key)
		}
	}
}
