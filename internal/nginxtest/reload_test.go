package nginxtest

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

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

// TestConnectionsOpenedAheadStayWithTheOldColour until their first request must
// have come: HTTP clients open connections before they need them. A deployment has
// to wait for so long before it drains.
func TestConnectionsOpenedAheadStayWithTheOldColour(t *testing.T) {
	t.Parallel()
	blue, green := newBellhop(t), newBellhop(t)
	publish(t, blue.URL, "topic:blue") // each has a log of its own
	e := newEdge(t, []string{addr(blue)}, nil)
	early, late := dial(t, e.Addr), dial(t, e.Addr)
	e.upstream(t, "green", addr(green))
	out, err := e.reload()
	require.NoError(t, err, "%s", out)

	_, err = io.WriteString(early, "GET /v1/channels/topic:blue/events HTTP/1.1\r\nHost: bell.example\r\nConnection: close\r\n\r\n")
	require.NoError(t, err)
	answer, err := io.ReadAll(early)
	require.NoError(t, err)
	require.Contains(t, string(answer), `"seq":1`, "the old colour answers")
	rest, err := io.ReadAll(late)
	require.NoError(t, err)
	require.Empty(t, rest, "no request came: it was closed")

	seconds := func(path, pattern string) int {
		m := regexp.MustCompile(pattern).FindStringSubmatch(read(t, filepath.Join(scripts, path)))
		require.NotNil(t, m)
		n, err := strconv.Atoi(m[1])
		require.NoError(t, err)
		return n
	}
	require.Greater(t, seconds("deploy", `settle=\$\{SETTLE:-(\d+)\}`), seconds("templates/bellhop/http.conf.template", `client_header_timeout (\d+)s;`))
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(waitFor)))
	return c
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
