package hub

import (
	"math"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unique"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fleet"
	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/gateway/hub/track"
)

// rememberFor is for how long.
const rememberFor = fleet.RememberFor

// recall is what a hub remembers of what it did, for those who are asked about it later:
// of the newest events to how many streams they were handed, and how the streams ended
// that did so last. It takes all of its memory at once.
//
// An entry of a ring carries the place of its event, so that handing it over costs two
// atomic operations and no search. A place that was given to another event meanwhile
// has another lap.
type recall struct {
	mu    sync.Mutex // guards what follows, but for the atomic parts of places
	since time.Time
	marks uint64 // so many were made
	slots []slot
	gone  []ended // a ring, as slots is
	ends  uint64

	ages  [1024]atomic.Int64 // of the newest events, in nanoseconds; a ring
	aging atomic.Uint64      // so many were noted
}

// aged notes how late an event was. Nil: nothing is noted.
func (m *recall) aged(age time.Duration) {
	if m != nil {
		m.ages[(m.aging.Add(1)-1)%uint64(len(m.ages))].Store(int64(age))
	}
}

// late is how late the newest events were; nil: it is not known.
func (m *recall) late() *fleet.Late {
	if m == nil || m.aging.Load() == 0 {
		return nil
	}
	ages := make([]int64, min(m.aging.Load(), uint64(len(m.ages))))
	for i := range ages {
		ages[i] = m.ages[i].Load()
	}
	slices.Sort(ages)
	at := func(percent int) float64 {
		return float64(ages[(len(ages)-1)*percent/100]/10_000) / 100
	}
	return &fleet.Late{P50: at(50), P99: at(99)}
}

// slot is what is remembered of one event, in the way that it came.
type slot struct {
	lap     atomic.Uint32
	streams atomic.Uint32
	first   atomic.Int64 // handed over, in nanoseconds since 1970
	came    int64
	channel event.Channel
	at      event.Position
	via     track.Via
}

// ended is a stream that has ended.
type ended struct {
	who    *holder
	at     time.Time
	reason conn.Reason
	places []place
}

// place is how far a stream has come in a channel; an empty epoch: it had not begun.
type place struct {
	channel event.Channel
	event.Position
}

func newRecall(events int) *recall {
	return &recall{since: time.Now(), slots: make([]slot, events), gone: make([]ended, max(events/4, 1))}
}

// mark is a track.Limits.Marks.
func (m *recall) mark(ch event.Channel, at event.Position, via track.Via) track.Mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.marks
	m.marks++
	i := n % uint64(len(m.slots))
	lap := uint8(n/uint64(len(m.slots))%math.MaxUint8) + 1
	s := &m.slots[i]
	s.lap.Store(uint32(lap))
	s.streams.Store(0)
	s.came, s.channel, s.at, s.via = time.Now().UnixNano(), ch, at, via
	return track.NewMark(uint16(i), lap)
}

// handed notes that an event was handed to one more stream. With the first the time is
// taken, which costs more than all the rest.
func (m *recall) handed(mark track.Mark) {
	s := &m.slots[mark.Slot()]
	if s.lap.Load() == uint32(mark.Lap) {
		if s.streams.Add(1) == 1 {
			s.first.Store(time.Now().UnixNano())
		}
	}
}

// ended notes the end of a stream. It is called where the stream's positions can be read.
func (m *recall) ended(s *Stream, reason conn.Reason) {
	e := ended{who: s.who, at: time.Now(), reason: reason, places: s.places()}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gone[m.ends%uint64(len(m.gone))] = e
	m.ends++
}

// handings calls f for each of an event's places, and returns from when on events are
// remembered.
func (m *recall) handings(ch event.Channel, seq uint64, f func(*slot)) (since time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	oldest := time.Now().Add(-rememberFor)
	since = later(m.since, oldest)
	if n := uint64(len(m.slots)); m.marks > n {
		since = later(since, time.Unix(0, m.slots[m.marks%n].came))
	}
	for i := range m.slots[:min(m.marks, uint64(len(m.slots)))] {
		s := &m.slots[i]
		if s.at.Seq == seq && s.channel == ch && s.came >= oldest.UnixNano() {
			f(s)
		}
	}
	return since
}

// departures returns the streams that ended and are meant, the newest first, as many as one
// answer names, and from when on they are remembered.
func (m *recall) departures(meant func(*ended) bool) (streams []ended, since time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := uint64(len(m.gone))
	since = later(m.since, time.Now().Add(-rememberFor))
	if m.ends > n {
		since = later(since, m.gone[m.ends%n].at)
	}
	for i := range min(m.ends, n) {
		e := &m.gone[(m.ends-1-i)%n]
		if e.at.Before(since) || len(streams) == fleet.MaxStreams {
			break
		}
		if meant(e) {
			streams = append(streams, *e)
		}
	}
	return streams, since
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// holder is who has a stream.
type holder struct {
	user    string // whose token opened the stream; shares the inbox's memory
	issued  int64  // when, in seconds since 1970; 0: the token does not say
	since   int64  // of the stream, in nanoseconds since 1970
	address netip.Addr
	agent   unique.Handle[string] // there are few different ones
	poll    bool
	// asked wants to hear of the stream's places; guarded by Stream.mu.
	asked chan<- []place
}

// maxAgent is how much of a User-Agent is kept.
const maxAgent = 80

func newHolder(req *Request) *holder {
	agent := req.Agent
	c := &holder{
		user: req.User, since: time.Now().UnixNano(), address: req.Address, poll: req.Poll,
		agent: unique.Make(agent[:min(len(agent), maxAgent)]),
	}
	if req.User != "" && req.Inbox {
		c.user = req.Channels[0].Key() // the same, in memory that is kept anyway
	}
	if !req.Issued.IsZero() {
		c.issued = req.Issued.Unix()
	}
	return c
}
