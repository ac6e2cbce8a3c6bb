package client

import (
	"context"
	"math/rand/v2"
	"time"
)

// Waits between two attempts grow from firstWait to maxWait.
const (
	firstWait = 100 * time.Millisecond
	maxWait   = 5 * time.Second
)

// budget is what one call may spend on repeating itself.
type budget struct {
	deadline time.Time // no attempt begins after it
	wait     time.Duration
}

func (c *Client) newBudget() *budget {
	return &budget{deadline: time.Now().Add(c.retryFor), wait: firstWait}
}

// pause waits before the next attempt and reports whether there is to be one:
// not if ctx ends, or the time that it would begin at is past the budget. The
// wait is at least what the notifier asked for; beyond that it is random, because
// all services that met the same outage would come back at the same moment.
func (b *budget) pause(ctx context.Context, atLeast time.Duration) bool {
	wait := max(atLeast, 0) + b.wait/2 + rand.N(b.wait/2)
	b.wait = min(2*b.wait, maxWait)
	if time.Now().Add(wait).After(b.deadline) {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// again carries an attempt out until it succeeds, can't succeed, or the budget is
// spent.
func (c *Client) again(ctx context.Context, attempt func(context.Context) *Error) error {
	b := c.newBudget()
	notWritten := true
	for attempts := 1; ; attempts++ {
		failure := attempt(ctx)
		if failure == nil {
			return nil
		}
		// The last answer speaks of its own attempt alone. One before it may have
		// been carried out, although nobody heard of it.
		notWritten = notWritten && failure.NotWritten
		failure.Attempts, failure.NotWritten = attempts, notWritten
		if !failure.Temporary() {
			return failure
		}
		if ctx.Err() != nil || !b.pause(ctx, failure.RetryAfter) {
			failure.endedBy(ctx)
			return failure
		}
	}
}
