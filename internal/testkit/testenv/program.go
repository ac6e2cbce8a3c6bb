package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// builds holds the project's programs that this test binary has built, by package.
var builds struct {
	mu    sync.Mutex
	dir   string
	paths map[string]string
}

// Build compiles a main package of this module, "./cmd/gateway", and returns the
// path of the program. It is built once for each test binary, and removed by Main.
func Build(tb testing.TB, pkg string) string {
	tb.Helper()
	builds.mu.Lock()
	defer builds.mu.Unlock()
	if path, ok := builds.paths[pkg]; ok {
		return path
	}
	if builds.dir == "" {
		dir, err := os.MkdirTemp("", "bellhop-programs-")
		require.NoError(tb, err)
		builds.dir, builds.paths = dir, make(map[string]string)
		atEnd(func() { _ = os.RemoveAll(dir) })
	}
	path := filepath.Join(builds.dir, filepath.Base(pkg))
	cmd := exec.Command("go", "build", "-o", path, pkg)
	cmd.Dir = module(tb)
	out, err := cmd.CombinedOutput()
	require.NoError(tb, err, "%s", out)
	builds.paths[pkg] = path
	return path
}

// module is the folder of this module.
func module(tb testing.TB) string {
	tb.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	require.NoError(tb, err)
	return strings.TrimSuffix(string(dir), "\n")
}

// Program is one of the project's own programs, in a process that can be killed
// and started again with the same settings on the same ports.
type Program struct {
	// URL and AdminURL are where it listens.
	URL, AdminURL string

	*process
}

// Run starts a program with settings from the environment, on addresses that Run
// chooses, and waits until it is ready. When the test ends, it fails if a token
// or a secret of these settings stands in what the program printed, or in its
// metrics.
func Run(tb testing.TB, path string, env ...string) *Program {
	tb.Helper()
	return run(tb, path, "run", true, env)
}

// RunCommand is Run for a subcommand that serves as well.
func RunCommand(tb testing.TB, path, command string, env ...string) *Program {
	tb.Helper()
	return run(tb, path, command, true, env)
}

// RunDemo is Run for a program that greets with the keys that it made up: nothing
// is looked for in what it prints.
func RunDemo(tb testing.TB, path string, env ...string) *Program {
	tb.Helper()
	return run(tb, path, "run", false, env)
}

func run(tb testing.TB, path, command string, discreet bool, env []string) *Program {
	tb.Helper()
	secrets := Secrets(env...)
	p := &Program{}
	dir := tb.TempDir()
	public, admin := Address(tb), Address(tb)
	p.URL, p.AdminURL = "http://"+public, "http://"+admin
	p.process = &process{
		path: path, args: []string{command}, log: filepath.Join(dir, "output.log"),
		env: append(env, "BELLHOP_LISTEN="+public, "BELLHOP_ADMIN_LISTEN="+admin),
	}
	tb.Cleanup(func() {
		if p.PID() != 0 && discreet {
			searchMetrics(tb, p.AdminURL, secrets)
		}
		if err := p.kill(); err != nil {
			tb.Error(err)
		}
		if discreet {
			searchFiles(tb, dir, secrets)
		}
	})
	p.Start(tb)
	return p
}

// Start starts the program again after Kill or Stop, and waits until it is ready.
func (p *Program) Start(tb testing.TB) {
	tb.Helper()
	require.NoError(tb, p.start(func() error { return p.Ready(tb.Context()) }))
}

// Ready asks the program whether it can serve.
func (p *Program) Ready(ctx context.Context) error {
	_, err := get(ctx, 3*time.Second, p.URL+"/readyz")
	return err
}

// get asks once, on a connection of its own, and returns what came. Every status
// but 200 is an error.
func get(ctx context.Context, limit time.Duration, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return body, err
}

// Stop asks the program to end, waits until it has, and returns an error unless it
// ended with status 0 in time.
func (p *Program) Stop(limit time.Duration) error { return p.stop(limit) }

// PID is the process id of the program as it runs now; zero if it does not.
func (p *Program) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// Output is the end of what the program printed.
func (p *Program) Output() string { return p.tail() }

// Metrics reads what the program counts now: values by sample, a name with its
// labels as /metrics writes them, such as `bellhop_streams_ended_total{reason="slow"}`.
// A counter with labels that never counted is not there.
func (p *Program) Metrics(tb testing.TB) map[string]float64 {
	tb.Helper()
	text, err := get(context.Background(), 5*time.Second, p.AdminURL+"/metrics")
	require.NoError(tb, err)
	samples := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		// Labels may hold blanks; a value does not, and no sample of ours has a time.
		line = strings.TrimSuffix(line, "\n")
		end := strings.LastIndexByte(line, ' ')
		require.Positive(tb, end, line)
		samples[line[:end]], err = strconv.ParseFloat(line[end+1:], 64)
		require.NoError(tb, err, line)
	}
	return samples
}

// stop sends SIGTERM and waits for the end.
func (p *process) stop(limit time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return fmt.Errorf("%s is not running", p.path)
	}
	cmd := p.cmd
	if err := p.end(cmd.Process.Pid, syscall.SIGTERM, limit); err != nil {
		return err
	}
	if !cmd.ProcessState.Success() {
		return fmt.Errorf("%s ended with %v\n%s", p.path, cmd.ProcessState, p.tail())
	}
	return nil
}
