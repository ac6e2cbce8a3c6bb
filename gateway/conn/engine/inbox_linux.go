package engine

import (
	"sync"

	"golang.org/x/sys/unix"

	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/internal/wait"
)

// arrival is a connection that a shard is to carry.
type arrival struct {
	fd   int
	head []byte // of the response, with the greeting
	src  conn.Source
	opt  conn.Options
}

// mail is what others have to say to a shard. Its length is bounded by the
// shard's connections: a slot is woken once until it is looked at, and epoll
// tells of edges.
type mail struct {
	arrivals []arrival
	woken    []uint32 // slots
	events   []unix.EpollEvent
}

func (m *mail) empty() bool {
	return len(m.arrivals) == 0 && len(m.woken) == 0 && len(m.events) == 0
}

// keepArrivals is the most room for arrivals that is kept after a storm.
const keepArrivals = 1024

// reset empties the mail and keeps its room.
func (m *mail) reset() {
	clear(m.arrivals) // they hold sources
	if cap(m.arrivals) > keepArrivals {
		m.arrivals = nil
	}
	m.arrivals, m.woken, m.events = m.arrivals[:0], m.woken[:0], m.events[:0]
}

// inbox is where a shard is written to. Nobody waits at it but for its mutex.
type inbox struct {
	signal wait.Signal // there is something to take

	mu     sync.Mutex
	mail   mail
	closed bool // no arrivals any more
	cut    bool // close what is open
}

func newInbox() inbox { return inbox{signal: wait.NewSignal()} }

// put changes the mail and wakes the shard.
func (in *inbox) put(change func(*mail)) {
	in.mu.Lock()
	first := in.mail.empty()
	change(&in.mail)
	in.mu.Unlock()
	if first {
		in.signal.Raise()
	}
}

// wake puts a slot into the queue. It is what a broadcast calls for every
// stream, hence without put's closure.
func (in *inbox) wake(i uint32) {
	in.mu.Lock()
	first := in.mail.empty()
	in.mail.woken = append(in.mail.woken, i)
	in.mu.Unlock()
	if first {
		in.signal.Raise()
	}
}

// arrive hands a connection over. False: the shard takes none any more.
func (in *inbox) arrive(a arrival) bool {
	taken := false
	in.put(func(m *mail) {
		if taken = !in.closed; taken {
			m.arrivals = append(m.arrivals, a)
		}
	})
	return taken
}

func (in *inbox) open() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return !in.closed
}

// close refuses arrivals from now on, and with cut ends what is there.
func (in *inbox) close(cut bool) {
	in.mu.Lock()
	in.closed = true
	in.cut = in.cut || cut
	in.mu.Unlock()
	in.signal.Raise()
}

// take exchanges the mail for an empty one.
func (in *inbox) take(empty mail) (m mail, closed, cut bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	m, in.mail = in.mail, empty
	return m, in.closed, in.cut
}
