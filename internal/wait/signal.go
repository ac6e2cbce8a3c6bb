package wait

import (
	"context"
	"time"
)

// Wait waits for the signal, for d at most and until ctx ends; raised: it came.
func (s Signal) Wait(ctx context.Context, d time.Duration) (raised bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}
