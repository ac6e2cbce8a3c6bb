package engine

import (
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bellhop/bellhop/gateway/conn"
)

const (
	// piece is how much a source is asked for at once. A client that lags holds
	// one piece, and the kernel's buffer.
	piece = 16 << 10
	// turnBytes is how much one stream may say before it is the others' turn.
	turnBytes = 4 * piece
	// stride is after how many turns the goroutine lets others run. A turn is
	// mostly a system call of some ten microseconds that the scheduler does not
	// see, and a broadcast is thousands of them.
	stride = 128
)

// shard is a loop and the connections that it owns: their descriptors are
// written and closed, their sources called by its goroutine alone.
type shard struct {
	engine *Engine
	poller *poller
	inbox  inbox
	cut    atomic.Int32 // streams that were open when they had to be closed

	slab    slab
	blocked map[uint32]*wire // what the sockets of blocked slots have not taken
	again   []uint32         // slots that had more to say when their turn was over, each once
	before  []uint32         // those of the round before
	opening opening
	turns   int

	clock func() time.Time // time.Now, but for tests
	began time.Time
	now   int64 // ns since began, by the monotonic clock
	wall  int64 // the same moment by the wall clock, since 1970
	sweep sweep

	scratch [piece + 1024]byte // what is about to be sent
	bufs    [][]byte           // for Next
	one     [1][]byte          // for a heartbeat

	writes, bytes int // not yet in the metrics
}

func newShard(e *Engine, clock func() time.Time) (*shard, error) {
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	s := &shard{
		engine: e, poller: p, inbox: newInbox(),
		blocked: make(map[uint32]*wire), opening: opening{heads: make(map[uint32][]byte)},
		clock: clock, began: clock(),
	}
	s.look()
	return s, nil
}

// run is the loop. It returns when the shard is stopped and has no connection
// left.
func (s *shard) run() {
	defer s.poller.file.Close()
	var m mail
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		s.wait(timer)
		m.reset()
		var closed, cut bool
		m, closed, cut = s.inbox.take(m)
		s.look()
		s.round(&m)
		s.writeHeads()
		s.sweepOn()
		if cut {
			s.cutOff()
		}
		s.count()
		if closed && s.slab.used == 0 {
			return
		}
	}
}

// wait waits for mail, or for the time of the next head or the next sweep.
func (s *shard) wait(timer *time.Timer) {
	if len(s.again) > 0 {
		return
	}
	var due <-chan time.Time
	if s.slab.used > 0 { // an idle shard does not even wake up for nothing
		timer.Reset(s.opening.pause(s.now, s.sweep.pause(s.now)))
		due = timer.C
	}
	select {
	case <-s.inbox.signal:
	case <-due:
	}
}

// round does what the mail asks for. Streams that are open come before those that arrive.
func (s *shard) round(m *mail) {
	for i := range m.events {
		s.happened(&m.events[i])
		s.yield()
	}
	again := s.again
	s.again = s.before[:0]
	s.before = again
	for _, i := range m.woken {
		if s.slab.slot(i).wants() {
			s.turn(i)
			s.yield()
		}
	}
	for _, i := range again {
		s.slab.slot(i).again = false
		s.turn(i)
		s.yield()
	}
	for i := range m.arrivals {
		s.begin(&m.arrivals[i])
		s.yield()
	}
}

// yield is called after every turn.
func (s *shard) yield() {
	if s.turns++; s.turns%stride == 0 {
		runtime.Gosched()
		s.look()
	}
}

// look looks at the clock.
func (s *shard) look() {
	t := s.clock()
	s.now, s.wall = int64(t.Sub(s.began)), t.UnixNano()
}

// count adds to the metrics what happened in the round.
func (s *shard) count() {
	if s.writes == 0 {
		return
	}
	s.engine.metrics.writes.Add(float64(s.writes))
	s.engine.metrics.bytes.Add(float64(s.bytes))
	s.writes, s.bytes = 0, 0
}

// begin gives an arrival its slot and starts its source.
func (s *shard) begin(a *arrival) {
	a.opt.Begin()
	i, sl := s.slab.alloc(a.src)
	sl.set(a.fd, a.opt, s.began, s.now)
	gen := sl.gen()
	if err := s.poller.watch(a.fd, i, gen); err != nil {
		s.engine.cfg.Logger.Error("a stream can't be watched", "error", err)
		s.drop(i, sl, conn.ReasonError)
		return
	}
	s.sweep.include(a.opt)
	s.opening.add(i, gen, a.head, s.now)
	a.src.Start(s, wakeID(i, gen))
	s.turn(i)
}

// wakeID names a slot and its generation.
func wakeID(i, gen uint32) uint64 { return uint64(gen)<<32 | uint64(i) }

// Wake implements conn.Waker. It is what a broadcast calls for every stream.
func (s *shard) Wake(id uint64) {
	i, gen := uint32(id), uint32(id>>32)
	if s.slab.mark(i).CompareAndSwap(gen, gen|queued) {
		s.inbox.wake(i)
	}
}

// happened takes what epoll tells of a connection.
func (s *shard) happened(ev *unix.EpollEvent) {
	i := uint32(ev.Fd)
	sl := s.slab.slot(i)
	if sl.gen() != uint32(ev.Pad) {
		return // of a connection that is gone
	}
	switch {
	case ev.Events&departed != 0 && sl.state == lingering:
		s.leave(i, sl)
	case ev.Events&departed != 0:
		s.drop(i, sl, conn.ReasonClient)
	case sl.state == blocked:
		s.resume(i, sl)
	}
}
