// Package limit bounds what one person and one address may take of a gateway and
// of the fleet. It holds counts, no streams: a gateway asks before it opens one,
// and gives the place back when it ends.
package limit

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/bellhop/bellhop/internal/rate"
)

// Reason says which limit refused a stream. It reaches the client and is a label
// in metrics. The empty Reason refuses nothing.
type Reason string

// The limits.
const (
	// User: the person has as many streams as one may have in the fleet.
	User Reason = "user_streams"
	// Address: the address has as many streams on this gateway as one may have.
	Address Reason = "address_streams"
	// Rate: the address opens streams faster than it may.
	Rate Reason = "address_rate"
)

// rateSaved is how long an address may save up what it did not use: people behind
// one address come back together after a deployment.
const rateSaved = 10 * time.Second

// Counter counts the streams of people over a fleet of gateways, of which it is
// one member. It is safe for concurrent use.
type Counter interface {
	// Acquire takes one of most places of a user, and tells whether there was
	// one. It answers within about 50 ms; where the fleet can't be asked, this
	// member's own count decides. Whoever got a place gives it back by Release.
	Acquire(ctx context.Context, user string, most int) bool
	// Release gives a place back. It does not block; other members hear of it a
	// moment later.
	Release(user string)
	// Close ends the membership: the places that it holds are free again. It
	// may be called more than once.
	Close() error
}

// Config of a Guard. The zero value limits nothing.
type Config struct {
	// Streams counts what people have open; UserStreams is how many that may
	// be. Without a counter, or if it is 0, there is no such limit.
	Streams     Counter
	UserStreams int
	// AddressStreams is the most open streams of one address. 0: no limit.
	AddressStreams int
	// AddressRate is how many streams, or other requests, an address may begin
	// in a second; it may save up those of ten seconds. 0: no limit.
	AddressRate int
}

// Guard applies the limits of one gateway. It is safe for concurrent use.
type Guard struct {
	cfg   Config
	rates *rate.Limiter[netip.Addr]

	mu    sync.Mutex
	count map[netip.Addr]int // open streams
}

// NewGuard makes a Guard. Its Counter stays the caller's to close.
func NewGuard(cfg Config) *Guard {
	return &Guard{cfg: cfg, rates: rate.New[netip.Addr](cfg.AddressRate, rateSaved), count: make(map[netip.Addr]int)}
}

// UserStreams is how many streams one person may have; zero: there is no limit.
func (g *Guard) UserStreams() int { return g.cfg.UserStreams }

// Open asks for a stream of a user, empty for an anonymous one, from an address,
// after Allow let the request pass. With an empty Reason the stream may open, and Close is to be called, with the
// same user and address, once it is over. An address that is not known, the zero
// one, has no limits. It blocks no longer than the Counter.
//
// There is no value that stands for the place taken: a gateway has many of them,
// and knows whose each stream is anyway.
func (g *Guard) Open(ctx context.Context, user string, from netip.Addr) Reason {
	from = site(from)
	if !g.enter(from) {
		return Address
	}
	if g.counts(user) && !g.cfg.Streams.Acquire(ctx, user, g.cfg.UserStreams) {
		g.leave(from)
		return User
	}
	return ""
}

// Close gives the place of a stream back. It is called once for each time that
// Open let one pass, and does not block.
func (g *Guard) Close(user string, from netip.Addr) {
	g.leave(site(from))
	if g.counts(user) {
		g.cfg.Streams.Release(user)
	}
}

// counts tells whether the streams of a user are limited.
func (g *Guard) counts(user string) bool {
	return user != "" && g.cfg.Streams != nil && g.cfg.UserStreams > 0
}

// Allow counts a request of an address, and tells whether it may begin now. It is
// asked before the request's token is judged.
func (g *Guard) Allow(from netip.Addr) bool { return !from.IsValid() || g.rates.Allow(site(from)) }

func (g *Guard) enter(from netip.Addr) bool {
	if g.cfg.AddressStreams <= 0 || !from.IsValid() {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.count[from] >= g.cfg.AddressStreams {
		return false
	}
	g.count[from]++
	return true
}

func (g *Guard) leave(from netip.Addr) {
	if g.cfg.AddressStreams <= 0 || !from.IsValid() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.count[from]--; g.count[from] <= 0 {
		delete(g.count, from)
	}
}
