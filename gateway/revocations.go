package gateway

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/internal/wait"
	"github.com/bellhop/bellhop/store"
)

// RevocationLog is where revocations stand.
type RevocationLog interface {
	// Revocations returns those made at or after a moment, the oldest first;
	// more tells that there are others, after the moment of the last one.
	Revocations(ctx context.Context, since time.Time) (list []store.Revocation, more bool, err error)
}

// How revocations are read.
const (
	revocationTimeout = 5 * time.Second
	// revocationEvery is how often they are read without a hint.
	revocationEvery = 10 * time.Second
	// revocationRetry is the pause after a failure.
	revocationRetry = time.Second
	// revocationOverlap is how far readings go back: farther than transactions
	// commit out of order, and than clocks of servers differ that take over from
	// each other.
	revocationOverlap = 10 * time.Minute
)

// Revocations mirrors in memory whose tokens are no good any more, so that
// looking at a token asks nobody. It is safe for concurrent use.
type Revocations struct {
	log    RevocationLog
	logger *slog.Logger
	leeway time.Duration
	kick   wait.Signal
	stop   context.CancelFunc
	done   sync.WaitGroup

	mu     sync.RWMutex // guards what follows
	at     map[string]time.Time
	lifted map[string]time.Time // by store.LiftedSubject: of the time before nothing holds
	newest time.Time
	asOf   time.Time // when the last reading that came to an end began
	ready  bool
	heard  func() // called after something was added, without the lock
}

// NewRevocations reads what there is, waiting for five seconds at most, and goes
// on reading until Close. If the first reading fails it is repeated. leeway is how
// far the clocks of issuers may be ahead.
func NewRevocations(ctx context.Context, log RevocationLog, leeway time.Duration, logger *slog.Logger) *Revocations {
	r := &Revocations{log: log, logger: logger, leeway: leeway, kick: wait.NewSignal(), at: make(map[string]time.Time), lifted: make(map[string]time.Time), heard: func() {}}
	err := r.read(ctx)
	if err != nil {
		logger.Warn("revocations can't be read yet: tokens are not accepted", "error", err)
	}
	ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	r.done.Go(func() { r.run(ctx, err != nil) })
	return r
}

// Close ends the reading. It may be called more than once.
func (r *Revocations) Close() error {
	r.stop()
	r.done.Wait()
	return nil
}

// Soon has the revocations read now. It does not block.
func (r *Revocations) Soon() { r.kick.Raise() }

// Cover tells whether the token of a person, given as the key of their inbox, is
// revoked: it may have been issued in the second of the revocation or before, for the
// issuer's clock may be ahead by the leeway; or it does not say when (zero).
func (r *Revocations) Cover(user string, issued time.Time) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	at, revoked := r.at[user]
	return revoked && (issued.IsZero() || issued.Unix() <= at.Add(r.leeway).Unix())
}

// check refuses a revoked token, and every token before anything is known.
func (r *Revocations) check(c *auth.Claims) error {
	if err := r.Ready(context.Background()); err != nil {
		return err
	}
	if r.Cover(c.Inbox().Key(), c.IssuedAt) {
		return auth.ErrTokenRevoked
	}
	return nil
}

// Ready tells whether tokens can be judged: the revocations were read once. It
// does not block.
func (r *Revocations) Ready(context.Context) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if !r.ready {
		return errUnready
	}
	return nil
}

// errUnready: it is not known yet who is revoked.
var errUnready = errors.New("revocations were not read yet")

// AsOf is when the view of today was read; the zero time: never.
func (r *Revocations) AsOf() time.Time {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.asOf
}

// listen sets what is called when there are new ones.
func (r *Revocations) listen(heard func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = heard
}

func (r *Revocations) run(ctx context.Context, failing bool) {
	for {
		rest := revocationEvery
		if failing {
			rest = revocationRetry
		}
		select {
		case <-time.After(rest):
		case <-r.kick:
		case <-ctx.Done():
			return
		}
		err := r.read(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			r.logger.Warn("revocations can't be read", "error", err)
		}
		failing = err != nil
	}
}

// read takes over what is new, and forgets what no token can be older than.
func (r *Revocations) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, revocationTimeout)
	defer cancel()
	began := time.Now()
	added, err := r.readOn(ctx)
	r.mu.Lock()
	if err == nil {
		r.ready, r.asOf = true, began
		r.forget()
	}
	heard := r.heard
	r.mu.Unlock()
	if added { // also by a reading that broke off: the next one will not say it again
		heard()
	}
	return err
}

// readOn reads to the end, and tells whether anything was new.
func (r *Revocations) readOn(ctx context.Context) (added bool, err error) {
	r.mu.RLock()
	since := r.known()
	r.mu.RUnlock()
	if !since.IsZero() {
		since = since.Add(-revocationOverlap)
	}
	for more := true; more; {
		var list []store.Revocation
		if list, more, err = r.log.Revocations(ctx, since); err != nil {
			return added, err
		}
		added = r.add(list) || added
		if more {
			since = list[len(list)-1].At.Add(time.Millisecond) // all of that one were returned
		}
	}
	return added, nil
}

// known is the moment up to which the revocations are known: that of the newest,
// but not beyond the present. A primary whose clock was wrong for a while leaves
// some of the future behind, and nothing that came after them would be read, nor
// anything be remembered long enough. r.mu is held.
func (r *Revocations) known() time.Time {
	if now := time.Now(); r.newest.After(now) {
		return now
	}
	return r.newest
}

// forget drops what is older than any token. r.mu is held.
func (r *Revocations) forget() {
	oldest := r.known().Add(-store.RevocationLife)
	for _, known := range []map[string]time.Time{r.at, r.lifted} {
		maps.DeleteFunc(known, func(_ string, at time.Time) bool { return at.Before(oldest) })
	}
}

// lift lets somebody in again. r.mu is held.
func (r *Revocations) lift(v store.Revocation) {
	if !v.At.After(r.lifted[v.Subject]) {
		return // known; it is read again and again for a while
	}
	r.lifted[v.Subject] = v.At
	maps.DeleteFunc(r.at, func(subject string, at time.Time) bool {
		return at.Before(v.At) && store.LiftedSubject(subject) == v.Subject
	})
}

func (r *Revocations) add(list []store.Revocation) (added bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range list {
		switch {
		case v.Lifts():
			r.lift(v)
		case len(r.lifted) > 0 && v.At.Before(r.lifted[store.LiftedSubject(v.Subject)]):
			// A server that is behind still has it.
		case v.At.After(r.at[v.Subject]):
			r.at[v.Subject] = v.At
			added = true
		}
		if v.At.After(r.newest) {
			r.newest = v.At
		}
	}
	return added
}
