package engine

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/bellhop/bellhop/gateway/conn"
)

// state of a slot.
type state uint8

const (
	free      state = iota
	open            // the socket took all that there was
	blocked         // a wire waits in shard.blocked until the socket takes more
	lingering       // the response is over; the peer's end is waited for
)

// told is what a source was told of its stream's time.
type told uint8

const (
	nothing told = iota
	aged         // it has reached its maximum age
	expired      // its token has expired
)

// queued is the bit of slot.mark that says that the slot is in the queue of the
// woken. The generation counts above it.
const queued, generation = 1, 2

// slot is one connection. It holds no pointer, so the garbage collector does
// not look into it. All but mark belongs to the shard's goroutine.
type slot struct {
	// mark is the slot's generation, and the bit queued. Whatever names a slot
	// from outside (a wake, an event of epoll) names the generation too: it
	// must not reach the next connection that gets the slot, or the descriptor.
	mark  atomic.Uint32
	fd    int32
	state state
	armed bool // epoll tells of room
	// again: the slot is in shard.again. This is the slot's own, whichever
	// connection has it.
	again     bool
	told      told
	untaken   int32 // bytes that the peer had not taken at the last look
	heartbeat int32 // milliseconds
	slow      int32 // milliseconds
	last      int64 // shard.now when the peer was last given or took bytes
	age       int64 // shard.now when the stream reaches its maximum age
	expiry    int64 // wall clock, ns: when its token expires
}

// gen is the generation as mark has it, without queued.
func (s *slot) gen() uint32 { return s.mark.Load() &^ queued }

// wants tells whether a slot in the queue of the woken still has to be asked.
// Without queued it had a turn since it was woken, or is another connection's;
// one that goes on speaking has its turn for that.
func (s *slot) wants() bool { return s.mark.Load()&queued != 0 && !s.again }

// page is how many slots are allocated at once. They never move: others hold
// pointers to marks.
const page = 256

// slab holds the slots of a shard, and beside them, because they are pointers,
// the sources.
type slab struct {
	slots   []*[page]slot
	shared  atomic.Pointer[[]*[page]slot] // slots, for those who may look at marks alone
	sources []*[page]conn.Source
	spare   []uint32 // free slots, taken from the end
	used    int
}

// size is one more than the highest index of a slot.
func (s *slab) size() int { return len(s.slots) * page }

func (s *slab) slot(i uint32) *slot { return &s.slots[i/page][i%page] }

// mark is a slot's mark. Any goroutine may ask for it.
func (s *slab) mark(i uint32) *atomic.Uint32 { return &(*s.shared.Load())[i/page][i%page].mark }

func (s *slab) source(i uint32) conn.Source { return s.sources[i/page][i%page] }

// alloc takes a free slot, which has a generation of its own.
func (s *slab) alloc(src conn.Source) (uint32, *slot) {
	if len(s.spare) == 0 {
		first := uint32(s.size())
		s.slots = append(s.slots, new([page]slot))
		grown := s.slots
		s.shared.Store(&grown)
		s.sources = append(s.sources, new([page]conn.Source))
		for i := uint32(page); i > 0; i-- {
			s.spare = append(s.spare, first+i-1)
		}
	}
	i := s.spare[len(s.spare)-1]
	s.spare = s.spare[:len(s.spare)-1]
	s.used++
	s.sources[i/page][i%page] = src
	return i, s.slot(i)
}

// forget drops the source.
func (s *slab) forget(i uint32) { s.sources[i/page][i%page] = nil }

// free gives the slot back and begins its next generation.
func (s *slab) free(i uint32) {
	s.forget(i)
	sl := s.slot(i)
	sl.mark.Store(sl.gen() + generation)
	sl.state = free
	s.spare = append(s.spare, i)
	s.used--
}

// endOfTime is the last moment in nanoseconds; a token may name a later one.
var endOfTime = time.Unix(0, math.MaxInt64)

// set puts a new connection into the slot. A stream's age is measured by the
// monotonic clock, from began, so that a wall clock which jumps does not end all
// streams at once; what a token says is wall time.
func (s *slot) set(fd int, opt conn.Options, began time.Time, now int64) {
	s.fd, s.state, s.last = int32(fd), open, now
	s.armed, s.told, s.untaken = false, nothing, 0
	s.heartbeat = int32(min(opt.Heartbeat.Milliseconds(), math.MaxInt32))
	s.slow = int32(min(opt.SlowTimeout.Milliseconds(), math.MaxInt32))
	s.age, s.expiry = math.MaxInt64, math.MaxInt64
	if !opt.Age.IsZero() {
		s.age = int64(opt.Age.Sub(began))
	}
	if !opt.Expiry.IsZero() && opt.Expiry.Before(endOfTime) {
		s.expiry = opt.Expiry.UnixNano()
	}
}
