package app

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/cmd/internal/config"
)

// TestTheNewestOfManyReloadsCounts: a program that is slow to take what was read gets
// what the files said last.
func TestTheNewestOfManyReloadsCounts(t *testing.T) {
	t.Parallel()
	level, hangups := filepath.Join(t.TempDir(), "level"), make(chan os.Signal)
	replaceFile(t, level, "info")
	var stderr console
	code := Run(Process{Stderr: &stderr, Hangups: hangups, Environ: []string{"BELLHOP_LOG_LEVEL_FILE=" + level}}, &config.Bellhop{},
		func(_ context.Context, _ *config.Bellhop, inv Invocation) error {
			// The last one, which is wrong, is taken once the one before it was read.
			for _, says := range []string{"debug", "warn", "error", "loud"} {
				replaceFile(t, level, says)
				hangups <- syscall.SIGHUP
			}
			for end := time.After(patience); ; {
				select {
				case fresh := <-inv.Reloads:
					if cfg, ok := fresh.(*config.Bellhop); ok && cfg.LogLevel == slog.LevelError {
						return nil
					}
				case <-end:
					return context.DeadlineExceeded
				}
			}
		})
	require.Equal(t, ExitOK, code, &stderr)
}

// TestManyHangupsHideNoOtherSignal: a program that is told to stop does, whatever came
// before; and then its files are not read any more.
func TestManyHangupsHideNoOtherSignal(t *testing.T) {
	t.Parallel()
	cmd, stderr, url := startProcess(t, "--drain-delay=5m")
	for range 200 {
		require.NoError(t, cmd.Process.Signal(syscall.SIGHUP))
	}
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool { return status(url+"/readyz") == 503 }, patience, tick, "%s", stderr)
	require.NoError(t, cmd.Process.Signal(syscall.SIGHUP))
	require.Eventually(t, func() bool {
		return strings.Contains(stderr.String(), "files are not read again")
	}, patience, tick, "%s", stderr)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit, "it does not wait out its delay")
}
