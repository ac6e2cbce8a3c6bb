package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	mathrand "math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bellhop/bellhop/demo/domain"
	"github.com/bellhop/bellhop/demo/raffle"
)

const (
	// crowdSize is how many guests come at one invitation.
	crowdSize = 30
	// crowdPause is the longest time between two of them.
	crowdPause = 300 * time.Millisecond
)

// crowd lets guests come to a raffle, so that somebody who is alone sees the
// chart move.
type crowd struct {
	raffle *raffle.Service
	log    *slog.Logger
	coming atomic.Bool // until the last guest of a crowd is in
	door   chan int64
}

func newCrowd(r *raffle.Service, log *slog.Logger) *crowd {
	return &crowd{raffle: r, log: log, door: make(chan int64, 1)}
}

// invite begins a crowd, unless one is still coming.
func (c *crowd) invite(raffle int64) error {
	if !c.coming.CompareAndSwap(false, true) {
		return domain.Refuse(domain.ErrConflict, "the last guests are still coming in")
	}
	c.door <- raffle // there is room: only one crowd is coming
	return nil
}

// run lets invited guests in until ctx ends, and then returns nil.
func (c *crowd) run(ctx context.Context) error {
	for {
		select {
		case id := <-c.door:
			c.letIn(ctx, id)
			c.coming.Store(false)
		case <-ctx.Done():
			return nil
		}
	}
}

func (c *crowd) letIn(ctx context.Context, id int64) {
	for range crowdSize {
		select {
		case <-time.After(mathrand.N(crowdPause)):
		case <-ctx.Done():
			return
		}
		_, _, err := c.raffle.Participate(ctx, guestName(), id)
		if errors.Is(err, domain.ErrConflict) { // drawn meanwhile, or full
			return
		}
		if err != nil && ctx.Err() == nil {
			c.log.WarnContext(ctx, "a guest could not take part", "raffle", id, "error", err)
		}
	}
}

// guestName is the name of somebody who has none.
func guestName() string { return "guest-" + strings.ToLower(rand.Text()[:6]) }
