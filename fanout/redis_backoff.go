package fanout

import (
	"math/rand/v2"
	"time"
)

// minBackoff is the range of the first pause after a connection was lost.
const minBackoff = 100 * time.Millisecond

// backoff draws the pauses between connections.
type backoff struct {
	most     time.Duration // Config.MaxBackoff
	failures int           // in a row
}

// next draws the pause behind a connection over which messages came for that long.
// One that lasted no longer than a pause may take has failed like one that never
// came about: Redis gives up a reader that is too slow, and subscribing to all again
// at once, over and over, would keep it from everybody else's work.
func (b *backoff) next(lasted time.Duration) time.Duration {
	if lasted > b.most {
		b.failures = 0
	}
	limit := min(minBackoff<<min(b.failures, 20), b.most)
	b.failures++
	// From the whole range: gateways that lost their connections together must
	// not come back together.
	return rand.N(max(limit, 1))
}
