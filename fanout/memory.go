package fanout

import (
	"context"
	"sync"

	"github.com/bellhop/bellhop/event"
)

// Memory is a bus within one process. It loses nothing but what a handler is too
// slow for.
type Memory struct {
	cfg Config

	// mu makes "is subscribed" and "has been told so" one thing. It is taken
	// before the lock of a queue.
	mu          sync.RWMutex
	subscribers map[event.Channel]map[*memorySubscriber]struct{}
}

// NewMemory makes a bus.
func NewMemory(cfg Config) *Memory {
	return &Memory{
		cfg:         cfg.withDefaults(),
		subscribers: make(map[event.Channel]map[*memorySubscriber]struct{}),
	}
}

// Publish hands messages to the subscribers of their channels. It does not wait
// for them and does not fail unless ctx is over before it begins.
func (b *Memory) Publish(ctx context.Context, messages []Message) ([]int, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	receivers := make([]int, len(messages))
	b.mu.RLock()
	defer b.mu.RUnlock()
	for i, m := range messages {
		receivers[i] = len(b.subscribers[m.Channel])
		if len(m.Frame) > b.cfg.MaxFrame {
			m.Frame = nil
		}
		for s := range b.subscribers[m.Channel] {
			s.dispatcher.message(m)
		}
	}
	return receivers, nil
}

// Subscriber makes a subscriber for h. It is never in doubt, and says so at once.
func (b *Memory) Subscriber(h Handler) Subscriber {
	s := &memorySubscriber{
		bus:        b,
		dispatcher: newDispatcher(h, b.cfg.Workers, b.cfg.Queue, b.cfg.QueueBytes),
	}
	s.said.Go(func() { h.Suspect(false) })
	return s
}

type memorySubscriber struct {
	bus        *Memory
	dispatcher *dispatcher
	said       sync.WaitGroup
	closing    sync.Once

	closed bool // guarded by bus.mu
}

func (s *memorySubscriber) Subscribe(channels ...event.Channel) {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	if s.closed {
		return
	}
	for _, ch := range channels {
		of := s.bus.subscribers[ch]
		if of == nil {
			of = make(map[*memorySubscriber]struct{})
			s.bus.subscribers[ch] = of
		}
		of[s] = struct{}{}
		s.dispatcher.acknowledge(kindSubscribed, ch)
	}
}

func (s *memorySubscriber) Unsubscribe(channels ...event.Channel) {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	if s.closed {
		return
	}
	for _, ch := range channels {
		s.remove(ch)
		s.dispatcher.acknowledge(kindUnsubscribed, ch)
	}
}

// remove is called with bus.mu held.
func (s *memorySubscriber) remove(ch event.Channel) {
	of := s.bus.subscribers[ch]
	delete(of, s)
	if len(of) == 0 {
		delete(s.bus.subscribers, ch)
	}
}

func (s *memorySubscriber) Close() error {
	s.closing.Do(func() {
		s.bus.mu.Lock()
		s.closed = true
		for ch := range s.bus.subscribers {
			s.remove(ch)
		}
		s.bus.mu.Unlock()
		s.said.Wait()
		s.dispatcher.close()
	})
	return nil
}

var _ Bus = (*Memory)(nil)
