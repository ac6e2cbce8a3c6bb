package nginxtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReloadReturnsOnceOldWorkersAcceptNothing: a worker that does not come to
// obeying still accepts connections, while every answer of the new one says that
// the switch is done. A deployment that went on then would drain gateways to which
// the old worker still sends clients.
func TestReloadReturnsOnceOldWorkersAcceptNothing(t *testing.T) {
	t.Parallel()
	b := newBellhop(t)
	e := newEdge(t, []string{addr(b)}, nil)
	held := watch(t, e.URL()+openNews) // keeps the old worker alive
	await(t, "the stream is live", func() bool { return held.got("event: bellhop.ready") })
	old := e.worker(t)
	require.NoError(t, syscall.Kill(old, syscall.SIGSTOP))
	t.Cleanup(func() { _ = syscall.Kill(old, syscall.SIGCONT) }) // it may have ended
	e.upstream(t, "green", addr(b))
	out, err := e.reload("RELOAD_TIMEOUT=1")
	require.Error(t, err)
	require.Contains(t, out, "old workers still accept connections")
	require.Equal(t, "green", e.colour(t), "the new worker alone answers")
	require.NotContains(t, title(t, old), "shutting down")

	require.NoError(t, syscall.Kill(old, syscall.SIGCONT))
	out, err = e.reload()
	require.NoError(t, err, "%s", out)
	require.Contains(t, title(t, old), "shutting down")
	publish(t, b.URL, "topic:news")
	await(t, "its stream goes on", func() bool { return held.got("event: note") })
}

// TestReloadRefusesAWrongConfiguration, and nothing changes.
func TestReloadRefusesAWrongConfiguration(t *testing.T) {
	t.Parallel()
	e := newEdge(t, []string{"127.0.0.1:1"}, nil)
	old := e.worker(t)
	e.upstream(t, "green", "unknown.invalid:8080")
	out, err := e.reload()
	require.Error(t, err)
	require.Contains(t, out, "host not found in upstream")
	require.Equal(t, old, e.worker(t))
	require.Equal(t, "blue", e.colour(t))
}

// reload runs nginx/reload with further settings and returns what it says.
func (e *edge) reload(settings ...string) (string, error) {
	pid := filepath.Join(e.Dir, "nginx.pid")
	cmd := exec.Command("sh", filepath.Join(scripts, "reload"), pid,
		"-p", e.Dir, "-c", filepath.Join(e.Dir, "nginx.conf"), "-e", "stderr", "-g", "pid "+pid+";")
	cmd.Env = append(os.Environ(), settings...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// worker is the process of Nginx's one worker.
func (e *edge) worker(t *testing.T) int {
	t.Helper()
	pid, err := os.ReadFile(filepath.Join(e.Dir, "nginx.pid"))
	require.NoError(t, err)
	master := strings.TrimSpace(string(pid))
	children, err := os.ReadFile(filepath.Join("/proc", master, "task", master, "children"))
	require.NoError(t, err)
	worker, err := strconv.Atoi(strings.TrimSpace(string(children)))
	require.NoError(t, err)
	return worker
}

// title is what a process calls itself.
func title(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	require.NoError(t, err)
	return string(text)
}
