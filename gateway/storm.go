package gateway

import (
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// stormSize is how many streams that came or went make a storm.
	stormSize = 1000
	// stormPause is how often is looked whether a storm is over: when fewer than
	// a tenth of its size came or went since the last look.
	stormPause = 5 * time.Second
)

// storms notices when many streams have come or gone, and once they are through
// has the memory given back that they needed on the way: a request costs net/http
// some ten kilobytes, a stream that is open less than one. The runtime by itself
// keeps what it once needed until the heap has grown into it, which on a gateway
// that goes on to be idle is never.
type storms struct {
	give func() // giveBack; blocks for some ten milliseconds

	moves   atomic.Int64 // streams that came or went since memory was last given back
	waiting atomic.Bool  // a look is due

	mu     sync.Mutex // guards what follows
	timer  *time.Timer
	seen   int64 // moves at the last look
	closed bool
}

// moved counts a stream that came or went. It does not block.
func (s *storms) moved() {
	if s.moves.Add(1) < stormSize || s.waiting.Load() || s.waiting.Swap(true) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = s.moves.Load()
	s.await()
}

// await has look called later. s.mu is held.
func (s *storms) await() {
	if !s.closed {
		s.timer = time.AfterFunc(stormPause, s.look)
	}
}

func (s *storms) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	moves := s.moves.Load()
	passed := moves-s.seen < stormSize/10
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
func (s *storms) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
}
