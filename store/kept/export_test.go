package kept

import "github.com/bellhop/bellhop/event"

// Forget has the log lose a channel.
func (m *Memory) Forget(ch event.Channel) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(m.channels[ch])
}

// Has tells whether a channel is kept.
func (m *Memory) Has(ch event.Channel) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.channels[ch] != nil
}

// Channels is how many channels are kept.
func (m *Memory) Channels() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.channels)
}

// Bytes is what all of it counts for.
func (m *Memory) Bytes() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.bytes + m.keyBytes()
}
