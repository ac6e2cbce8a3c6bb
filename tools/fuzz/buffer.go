package main

import (
	"bytes"
	"strings"
	"sync"
)

// lockedBuffer keeps what a process prints while others look at it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// Contains returns whether the text was printed.
func (b *lockedBuffer) Contains(text string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(b.buf.String(), text)
}

// Bytes returns what was printed, once nothing more comes.
func (b *lockedBuffer) Bytes() []byte { return b.buf.Bytes() }
