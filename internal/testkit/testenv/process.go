package testenv

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// process is a server program that can be killed and started again with the same
// arguments. It leads a process group of its own: signals reach its children,
// and an interrupt at the terminal reaches the tests alone.
type process struct {
	path string
	args []string
	env  []string // beside what this process has
	log  string   // file that gets what the program prints
	// orphaned is sent to the program when the test binary dies without
	// cleaning up (a panic, a timeout); zero: SIGKILL. Linux only.
	orphaned syscall.Signal

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{} // closed once the program has ended
}

// start runs the program and polls ready until it returns nil.
func (p *process) start(ready func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		return fmt.Errorf("%s is running already", p.path)
	}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()

	cmd := exec.Command(p.path, p.args...)
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = attributes(p.orphaned)
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd, p.done = cmd, make(chan struct{})
	go func(done chan struct{}) {
		defer close(done)
		_ = cmd.Wait() // how it ended does not matter: it is killed
	}(p.done)

	if err := poll(p.done, ready); err != nil {
		return errors.Join(fmt.Errorf("start %s: %w\n%s", p.path, err, p.tail()), p.killLocked())
	}
	return nil
}

// Kill ends the program and its children at once, as a power cut would.
func (p *process) Kill(tb testing.TB) {
	tb.Helper()
	require.NoError(tb, p.kill())
}

// Freeze stops the program without ending it: its connections stay and its port
// still accepts some, but nothing is read and nothing answered.
func (p *process) Freeze(tb testing.TB) {
	tb.Helper()
	require.NoError(tb, p.signal(syscall.SIGSTOP, true))
}

// Thaw lets a frozen program go on.
func (p *process) Thaw(tb testing.TB) {
	tb.Helper()
	require.NoError(tb, p.signal(syscall.SIGCONT, true))
}

// kill ends the program and its children at once, as a power cut would, and waits
// until it is gone. Killing it twice does no harm.
func (p *process) kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.killLocked()
}

func (p *process) killLocked() error {
	if p.cmd == nil {
		return nil
	}
	return p.end(-p.cmd.Process.Pid, syscall.SIGKILL, stopTimeout)
}

// end signals the program, or its group, and waits for the program's end.
func (p *process) end(pid int, sig syscall.Signal, limit time.Duration) error {
	// One that is to be killed may have ended by itself; one that is asked to end may not.
	if err := syscall.Kill(pid, sig); err != nil && (sig != syscall.SIGKILL || !errors.Is(err, syscall.ESRCH)) {
		return err
	}
	select {
	case <-p.done:
		p.cmd = nil
		return nil
	case <-time.After(limit):
		return fmt.Errorf("%s: still there %v after %v", p.path, limit, sig)
	}
}

// signal sends sig to the program alone or to its whole group.
func (p *process) signal(sig syscall.Signal, group bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return fmt.Errorf("%s is not running", p.path)
	}
	pid := p.cmd.Process.Pid
	if group {
		pid = -pid
	}
	return syscall.Kill(pid, sig)
}

// tail is the end of what the program printed, for error messages.
func (p *process) tail() string {
	const most = 4 << 10
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-most):])
}
