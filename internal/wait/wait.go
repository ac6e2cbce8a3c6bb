// Package wait has what work waits with: a pause, a jitter, a signal, and a task that is
// done again and again.
package wait

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// For waits for d, or until ctx ends; it tells whether the wait was whole.
func For(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Jitter is d, give or take a tenth.
func Jitter(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5+1)
}

// Signal wakes a loop that waits. Many are one, and one that comes while nobody
// waits is kept.
type Signal chan struct{}

// NewSignal makes a signal.
func NewSignal() Signal { return make(Signal, 1) }

// Raise wakes the loop. It does not block.
func (s Signal) Raise() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// ErrIdle says that a task was not done this time.
var ErrIdle = errors.New("nothing to do")

// Task is done again and again.
type Task struct {
	// Do does it once, and says how long to pause. With ErrIdle it neither failed nor
	// succeeded.
	Do func(context.Context) (time.Duration, error)
	// Failed hears of each failure; first: the time before it succeeded. Recovered hears
	// of a success after a failure.
	Failed    func(err error, first bool)
	Recovered func()
}

// Run does the task until ctx ends. What fails because of that is nobody's failure.
func (t Task) Run(ctx context.Context) {
	failing := false
	for ctx.Err() == nil {
		pause, err := t.Do(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, ErrIdle):
		case err != nil:
			t.Failed(err, !failing)
			failing = true
		case failing:
			t.Recovered()
			failing = false
		}
		For(ctx, pause)
	}
}
