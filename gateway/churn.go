package gateway

import (
	"context"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bellhop/bellhop/internal/wait"
)

const (
	// churnSize is how many streams that came or went count as churn.
	churnSize = 1000
	// churnPause is how often is looked whether the churn is over: when fewer than
	// a tenth of its size came or went since the last look.
	churnPause = 5 * time.Second
)

// churn notices when many streams have come or gone, and once they are through
// has the memory given back that they needed on the way: a request costs net/http
// some ten kilobytes, a stream that is open less than one. The runtime by itself
// keeps what it once needed until the heap has grown into it, which on a gateway
// that goes on to be idle is never.
type churn struct {
	moves atomic.Int64 // streams that came or went
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// newChurn starts the looking. give blocks for some ten milliseconds.
func newChurn(give func()) *churn {
	ctx, cancel := context.WithCancel(context.Background())
	s := &churn{stop: cancel}
	s.done.Go(func() { s.look(ctx, give) })
	return s
}

// moved counts a stream that came or went. It does not block.
func (s *churn) moved() { s.moves.Add(1) }

func (s *churn) look(ctx context.Context, give func()) {
	var seen, given int64 // moves at the last look, and when memory was last given back
	for wait.For(ctx, churnPause) {
		moves := s.moves.Load()
		if moves-given >= churnSize && moves-seen < churnSize/10 {
			give()
			given = moves
		}
		seen = moves
	}
}

// giveBack gives unused memory back to the system. It collects twice: pools hand
// what is in them on to their next life once, and net/http's buffers are in such
// ones.
func giveBack() {
	runtime.GC()
	debug.FreeOSMemory()
}

// close ends the looking. It waits for memory that is being given back.
func (s *churn) close() {
	s.stop()
	s.done.Wait()
}
