package fanout

import (
	"sync"

	"github.com/bellhop/bellhop/event"
)

// phase is where a channel stands between being asked for and given up. A channel
// that is neither has no entry.
type phase uint8

const (
	subscribing phase = iota + 1
	subscribed
	unsubscribing
)

type entry struct {
	phase phase
	// queued: the command that the phase asks for is to be sent.
	queued bool
	// moved: it was subscribed elsewhere, and is not here yet.
	moved bool
}

// registry knows what was asked for and what has been answered, whatever becomes
// of the connection. It turns the answers of many connections into exactly one
// for each question: an answer counts only if it fits the phase, and a question
// that its connection did not answer is asked again on the next.
//
// Entries are pointers for the sake of the names: putting a value into a map anew
// would replace the name too, by the one in the answer, which is memory that
// nobody else needs.
type registry struct {
	mu      sync.Mutex
	entries map[event.Channel]*entry
	queue   []event.Channel // with queued set
	pending int             // with moved set
}

func newRegistry() *registry { return &registry{entries: make(map[event.Channel]*entry)} }

// ask notes that channels are to get into a phase, subscribing or unsubscribing.
func (r *registry) ask(p phase, channels []event.Channel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ch := range channels {
		e := r.entries[ch]
		if e == nil {
			e = new(entry)
			r.entries[ch] = e
		}
		if !e.queued {
			r.queue = append(r.queue, ch)
		}
		r.arrived(e)
		*e = entry{phase: p, queued: true}
	}
}

// take returns what is to be sent.
func (r *registry) take() (subscribe, unsubscribe []event.Channel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ch := range r.queue {
		e := r.entries[ch]
		if e == nil || !e.queued {
			continue // its end was answered before it was asked for, or it came back meanwhile
		}
		e.queued = false
		if e.phase == unsubscribing {
			unsubscribe = append(unsubscribe, ch)
		} else {
			subscribe = append(subscribe, ch)
		}
	}
	r.queue = nil
	return subscribe, unsubscribe
}

// renew is take for a new connection, which has no subscriptions: all that are
// wanted are to be sent, and those that were to end have ended.
func (r *registry) renew() (subscribe, ended []event.Channel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = nil
	subscribe = make([]event.Channel, 0, len(r.entries))
	for ch, e := range r.entries {
		if e.phase == unsubscribing {
			delete(r.entries, ch)
			ended = append(ended, ch)
			continue
		}
		r.arrived(e)
		e.queued = false
		subscribe = append(subscribe, ch)
	}
	return subscribe, ended
}

// subscribed tells whether the handler is to hear of a subscription. It is not
// while the channel is being given up: what was answered then is older.
func (r *registry) subscribed(ch event.Channel) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.entries[ch]
	if e == nil || e.phase == unsubscribing {
		return false
	}
	r.arrived(e)
	e.phase = subscribed
	return true
}

// unsubscribed tells whether the handler is to hear of the end of a subscription.
func (r *registry) unsubscribed(ch event.Channel) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.entries[ch]; e == nil || e.phase != unsubscribing {
		return false
	}
	delete(r.entries, ch)
	return true
}

// arrived notes that an entry is pending no more.
func (r *registry) arrived(e *entry) {
	if e.moved {
		e.moved = false
		r.pending--
	}
}

// pendingCount is how many channels came from elsewhere and are not subscribed to here yet.
func (r *registry) pendingCount() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pending
}

// holds tells whether a channel is wanted, or was and has not ended.
func (r *registry) holds(ch event.Channel) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.entries[ch] != nil
}

// leave takes out the channels that fit. Those that were to end have ended.
func (r *registry) leave(fits func(event.Channel) bool) (wanted, ended []event.Channel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ch, e := range r.entries {
		if !fits(ch) {
			continue
		}
		r.arrived(e)
		delete(r.entries, ch)
		if e.phase == unsubscribing {
			ended = append(ended, ch)
		} else {
			wanted = append(wanted, ch)
		}
	}
	return wanted, ended
}

// enter takes in channels that another registry had.
func (r *registry) enter(ch event.Channel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries[ch] = &entry{phase: subscribing, queued: true, moved: true}
	r.queue = append(r.queue, ch)
	r.pending++
}

func (r *registry) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.entries)
}
