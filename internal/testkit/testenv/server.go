package testenv

import (
	"os"
	"path/filepath"
	"syscall"
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

// newServer prepares a program that is installed. What it prints goes to a file
// of its directory. The caller gives it arguments, and sees to its end.
func newServer(tb testing.TB, name string) server {
	tb.Helper()
	path, err := program(name)
	require.NoError(tb, err)
	dir, err := scratch(false)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := newPort(tb)
	s := server{
		Addr: p.addr(), tb: tb, dir: dir, port: p,
		process: &process{path: path, log: filepath.Join(dir, "output.log")},
	}
	s.ready = func() error { return listening(s.Addr) }
	return s
}

// Start starts the server again after Kill, and waits until it answers.
func (s *server) Start() {
	s.tb.Helper()
	require.NoError(s.tb, s.process.start(s.ready))
}

// Kill ends the server and its children at once; connections to it are refused.
func (s *server) Kill() {
	s.tb.Helper()
	require.NoError(s.tb, s.process.kill())
}

// Freeze stops the server without ending it: its connections stay and its port
// still accepts some, but nothing is read and nothing answered.
func (s *server) Freeze() {
	s.tb.Helper()
	require.NoError(s.tb, s.process.signal(syscall.SIGSTOP, true))
}

// Thaw lets a frozen server go on.
func (s *server) Thaw() {
	s.tb.Helper()
	require.NoError(s.tb, s.process.signal(syscall.SIGCONT, true))
}
