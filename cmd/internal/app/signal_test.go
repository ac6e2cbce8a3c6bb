package app

import (
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// startProcess starts a bellhop as a process of its own, in a fresh folder, and
// returns it with its URL once it serves.
func startProcess(t *testing.T, args ...string) (cmd *exec.Cmd, stderr *console, url string) {
	t.Helper()
	args = append([]string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"}, args...)
	return launch(t, "bellhop", args, nil)
}

// launch starts a program, which logs as text, and waits until it is ready. No
// token and no secret of its settings may stand in what it logs, and nothing may be
// printed past its log, by a library of ours either.
func launch(t *testing.T, name string, args, environ []string) (cmd *exec.Cmd, stderr *console, url string) {
	t.Helper()
	return launchIn(t, t.TempDir(), name, args, environ)
}

// launchIn does so in a folder.
func launchIn(t *testing.T, dir, name string, args, environ []string) (cmd *exec.Cmd, stderr *console, url string) {
	t.Helper()
	stderr = new(console)
	t.Cleanup(func() {
		if cmd.Process != nil && cmd.ProcessState == nil { // the test did not wait for it
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		for line := range strings.Lines(stderr.String()) {
			require.True(t, strings.HasPrefix(line, "time="), "%s printed past its log: %s", name, line)
		}
		testenv.NoSecrets(t, "the log of "+name, stderr.String(), testenv.Secrets(append(args, environ...)...)...)
	})
	cmd = program(t, dir, name, args, environ)
	cmd.Stderr = stderr
	require.NoError(t, cmd.Start())
	serving := regexp.MustCompile(`msg=serving url=(\S+)`)
	require.Eventually(t, func() bool {
		m := serving.FindStringSubmatch(stderr.String())
		if m != nil {
			url = m[1]
		}
		return m != nil && status(url+"/readyz") == 200
	}, patience, tick, "%s", stderr)
	return cmd, stderr, url
}

func TestSignalledProcessExitsInOrder(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		cmd, stderr, _ := startProcess(t)
		require.NoError(t, cmd.Process.Signal(sig))
		require.NoError(t, cmd.Wait(), stderr)
	}
}

// TestDrainEndsStreamsProperlyAndSecondSignalAtOnce: a stream hears of the
// drain, new requests are refused, and who can't wait signals again.
func TestDrainEndsStreamsProperlyAndSecondSignalAtOnce(t *testing.T) {
	t.Parallel()
	cmd, stderr, url := startProcess(t, "--drain=5m", "--drain-delay=100ms")
	first, second := openStream(t, url, "topic:a"), openStream(t, url, "topic:a")
	first.waitFor("event: bellhop.ready")
	second.waitFor("event: bellhop.ready")

	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	// One of the two has its turn at once, the other in some minutes.
	require.Eventually(t, func() bool { return first.ended() != second.ended() }, patience, tick)
	gone, open := first, second
	if second.ended() {
		gone, open = second, first
	}
	require.Contains(t, gone.text(), "event: bellhop.drain")
	require.NoError(t, gone.err(), "the response ends with its last chunk")
	require.Equal(t, 503, status(url+"/readyz"))
	openStream(t, url, "topic:a").waitFor("event: bellhop.refused")
	require.Equal(t, 200, status(url+"/livez"))
	require.False(t, open.ended())

	signalled := time.Now()
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	require.Equal(t, ExitFailure, exit.ExitCode(), stderr)
	require.Less(t, time.Since(signalled), 5*time.Second)
	require.Eventually(t, open.ended, patience, tick)
	require.Error(t, open.err(), "nobody ended this one")
}

func TestWrongSettingEndsTheProcess(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{
		"gateway":  {"--mysql-primary", "--redis", "--jwt-secret"},
		"notifier": {"--mysql-primary", "--redis", "--service-keys"},
		"bellhop":  {"--drain"},
	} {
		var environ []string
		if name == "bellhop" {
			environ = []string{"BELLHOP_DRAIN=x"}
		}
		cmd := program(t, t.TempDir(), name, nil, environ)
		var stderr console
		cmd.Stderr = &stderr
		var exit *exec.ExitError
		require.ErrorAs(t, cmd.Run(), &exit)
		require.Equal(t, ExitSettings, exit.ExitCode())
		lines := strings.Split(strings.TrimSuffix(stderr.String(), "\n"), "\n")
		require.Len(t, lines, len(flags), "one line for each")
		for i, flag := range flags {
			require.Contains(t, lines[i], name+": "+flag+" (BELLHOP_")
		}
	}
}
