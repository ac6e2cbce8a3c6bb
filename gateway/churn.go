package gateway

import (
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
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
	give func() // giveBack; blocks for some ten milliseconds

	moves   atomic.Int64 // streams that came or went since memory was last given back
	waiting atomic.Bool  // a look is due

	mu     sync.Mutex // guards what follows
	timer  *time.Timer
	seen   int64 // moves at the last look
	closed bool
}

// moved counts a stream that came or went. It does not block.
func (s *churn) moved() {
	if s.moves.Add(1) < churnSize || s.waiting.Load() || s.waiting.Swap(true) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = s.moves.Load()
	s.await()
}

// await has look called later. s.mu is held.
func (s *churn) await() {
	if !s.closed {
		s.timer = time.AfterFunc(churnPause, s.look)
	}
}

func (s *churn) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	moves := s.moves.Load()
	passed := moves-s.seen < churnSize/10
	s.seen = moves
	if !passed || s.closed {
		s.await()
		return
	}
	s.moves.Add(-moves)
	s.give()
	s.waiting.Store(false) // not before, or who moves meanwhile would wait for the lock
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
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
}
