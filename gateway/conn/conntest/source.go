// Package conntest is the contract of a connection engine, as a test suite: an
// engine that passes Run keeps the promises of package conn to a Source and to
// a client.
package conntest

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway/conn"
)

// patience bounds every wait of the suite.
const patience = 10 * time.Second

// Heartbeat is what the suite's source says after a silence.
const Heartbeat = ":\n\n"

// Source is a conn.Source that tests put words into. It fails the test when an
// engine breaks the rules of calling it.
type Source struct {
	tb testing.TB
	// LastWords is what it says after End. Set it before the stream begins.
	LastWords string
	// Endless makes Next always have more. Set it before the stream begins.
	Endless string
	// OnNext, if set, runs inside every Next. Set it before the stream begins.
	OnNext func(call int)

	calls  atomic.Int32 // calls under way: never more than one
	closed chan conn.Reason

	mu       sync.Mutex
	loop     conn.Waker
	id       uint64
	started  chan struct{}
	pending  [][]byte
	end      bool
	asked    int
	beats    int
	endCalls []conn.Reason
	closes   int
}

// NewSource makes a source with nothing to say.
func NewSource(tb testing.TB) *Source {
	return &Source{tb: tb, closed: make(chan conn.Reason, 8), started: make(chan struct{})}
}

// Say adds blocks and wakes the connection once.
func (s *Source) Say(blocks ...string) {
	s.mu.Lock()
	for _, b := range blocks {
		s.pending = append(s.pending, []byte(b))
	}
	s.mu.Unlock()
	s.Wake()
}

// Finish has the source ask for the end once everything was said.
func (s *Source) Finish() {
	s.mu.Lock()
	s.end = true
	s.mu.Unlock()
	s.Wake()
}

// Wake wakes the connection, if it has begun.
func (s *Source) Wake() {
	s.mu.Lock()
	loop, id := s.loop, s.id
	s.mu.Unlock()
	if loop != nil {
		loop.Wake(id)
	}
}

// Asked is how often Next was called.
func (s *Source) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// Beats is how often Heartbeat was called.
func (s *Source) Beats() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.beats
}

// Ends are the reasons that End was called with.
func (s *Source) Ends() []conn.Reason {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.endCalls)
}

// AwaitStart waits until the connection has begun.
func (s *Source) AwaitStart() {
	s.tb.Helper()
	select {
	case <-s.started:
	case <-time.After(patience):
		require.FailNow(s.tb, "the source was never started")
	}
}

// AwaitClose waits for Close and returns its reason.
func (s *Source) AwaitClose() conn.Reason {
	s.tb.Helper()
	select {
	case r := <-s.closed:
		return r
	case <-time.After(patience):
		require.FailNow(s.tb, "the source was never closed")
		return ""
	}
}

// enter checks the rules that hold for every call.
func (s *Source) enter(call string) (leave func()) {
	if s.calls.Add(1) != 1 {
		s.tb.Errorf("%s was called while another call was under way", call)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closes > 0 {
		s.tb.Errorf("%s was called after Close", call)
	}
	if s.loop == nil && call != "Start" && call != "Close" {
		s.tb.Errorf("%s was called before Start", call)
	}
	return func() { s.calls.Add(-1) }
}

// Start implements conn.Source.
func (s *Source) Start(loop conn.Waker, id uint64) {
	defer s.enter("Start")()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loop != nil {
		s.tb.Errorf("Start was called twice")
		return
	}
	s.loop, s.id = loop, id
	close(s.started)
}

// Next implements conn.Source.
func (s *Source) Next(bufs [][]byte, limit int) ([][]byte, bool) {
	defer s.enter("Next")()
	if len(bufs) != 0 {
		s.tb.Errorf("Next was given %d buffers of an earlier call", len(bufs))
	}
	s.mu.Lock()
	s.asked++
	call := s.asked
	s.mu.Unlock()
	if s.OnNext != nil {
		s.OnNext(call)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.endCalls) > 0 {
		return append(bufs, []byte(s.LastWords)), true
	}
	for n := 0; len(s.pending) > 0 && (n == 0 || n+len(s.pending[0]) <= limit); {
		n += len(s.pending[0])
		bufs = append(bufs, s.pending[0])
		s.pending = s.pending[1:]
	}
	if len(bufs) == 0 && s.Endless != "" {
		return append(bufs, []byte(s.Endless)), false
	}
	return bufs, s.end && len(s.pending) == 0
}

// Heartbeat implements conn.Source.
func (s *Source) Heartbeat() []byte {
	defer s.enter("Heartbeat")()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beats++
	return []byte(Heartbeat)
}

// End implements conn.Source.
func (s *Source) End(reason conn.Reason) {
	defer s.enter("End")()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endCalls = append(s.endCalls, reason)
}

// Close implements conn.Source.
func (s *Source) Close(reason conn.Reason) {
	defer s.enter("Close")()
	s.mu.Lock()
	s.closes++
	s.mu.Unlock()
	s.closed <- reason
}

var _ conn.Source = (*Source)(nil)
