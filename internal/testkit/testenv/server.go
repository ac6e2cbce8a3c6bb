package testenv

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// server is a program that one test has for itself, with a directory and a port.
type server struct {
	// Addr is host:port; it stays the same when the server is started again.
	Addr string

	tb      testing.TB
	dir     string
	port    *port
	process *process
	ready   func() error
}

// newServer prepares a program that is installed, by the first of its names that there
// is. What it prints goes to a file of its directory. The caller gives it arguments and
// starts it. It ends with the test.
func newServer(tb testing.TB, names ...string) *server {
	tb.Helper()
	path, err := program(names...)
	require.NoError(tb, err)
	dir, err := scratch(false)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := newPort(tb)
	s := &server{
		Addr: p.addr(), tb: tb, dir: dir, port: p,
		process: &process{path: path, log: filepath.Join(dir, "output.log")},
	}
	s.ready = func() error { return listening(s.Addr) }
	tb.Cleanup(s.Kill)
	return s
}

// Start starts the server again after Kill, and waits until it answers.
func (s *server) Start() {
	s.tb.Helper()
	require.NoError(s.tb, s.process.start(s.ready))
}

// Kill ends the server and its children at once, as a power cut would; connections to it
// are refused.
func (s *server) Kill() {
	s.tb.Helper()
	s.process.Kill(s.tb)
}

// Freeze stops the server as process.Freeze does.
func (s *server) Freeze() {
	s.tb.Helper()
	s.process.Freeze(s.tb)
}

// Thaw lets a frozen server go on.
func (s *server) Thaw() {
	s.tb.Helper()
	s.process.Thaw(s.tb)
}
