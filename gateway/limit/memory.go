package limit

import (
	"context"
	"sync"
)

// Memory is a fleet within one process. The zero value is ready for use.
type Memory struct {
	mu    sync.Mutex
	total map[string]int
}

// Join makes another member.
func (m *Memory) Join() Counter { return &memoryMember{fleet: m, own: make(map[string]int)} }

// memoryMember is guarded by the fleet's lock.
type memoryMember struct {
	fleet *Memory
	own   map[string]int
}

func (m *memoryMember) Acquire(_ context.Context, user string, most int) bool {
	m.fleet.mu.Lock()
	defer m.fleet.mu.Unlock()
	if m.fleet.total[user] >= most {
		return false
	}
	m.add(user, 1)
	return true
}

func (m *memoryMember) Release(user string) {
	m.fleet.mu.Lock()
	defer m.fleet.mu.Unlock()
	if m.own[user] > 0 { // else it was closed before
		m.add(user, -1)
	}
}

func (m *memoryMember) Close() error {
	m.fleet.mu.Lock()
	defer m.fleet.mu.Unlock()
	for user, n := range m.own {
		m.add(user, -n)
	}
	return nil
}

func (m *memoryMember) add(user string, n int) {
	if m.fleet.total == nil {
		m.fleet.total = make(map[string]int)
	}
	for _, counts := range []map[string]int{m.own, m.fleet.total} {
		if counts[user] += n; counts[user] == 0 {
			delete(counts, user)
		}
	}
}

var _ Counter = (*memoryMember)(nil)
