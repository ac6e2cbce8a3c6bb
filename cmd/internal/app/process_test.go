package app

import (
	"bytes"
	"context"
	"errors"
	"os"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/cmd/internal/config"
)

// console collects what a program writes.
type console struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.b.Write(p)
}

func (c *console) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.b.String()
}

func TestWrongSettingExitsWithOneLineAndTouchesNothing(t *testing.T) {
	t.Parallel()
	var stdout, stderr console
	code := Run(Process{
		Args: []string{"--heartbeat=soon"}, Stdout: &stdout, Stderr: &stderr,
	}, &config.Bellhop{}, func(context.Context, *config.Bellhop, Invocation) error {
		t.Error("the program was run")
		return nil
	})
	require.Equal(t, ExitSettings, code)
	require.Equal(t, "bellhop: --heartbeat (BELLHOP_HEARTBEAT): want a duration with its unit, such as 20s or 30m, not \"soon\"\n", stderr.String())
	require.Empty(t, stdout.String())
}

func TestHelpExitsWithoutAnError(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"-help"}, {"-h"}, {"--drain=1s", "-help"}, {"health", "-help"}} {
		var stdout, stderr console
		code := Run(Process{Args: args, Stdout: &stdout, Stderr: &stderr}, &config.Gateway{},
			func(context.Context, *config.Gateway, Invocation) error {
				t.Error("the program was run")
				return nil
			})
		require.Equal(t, ExitOK, code, args)
		require.Contains(t, stdout.String(), "Usage: gateway")
		require.Empty(t, stderr.String())
	}
}

func TestFailureIsLoggedAndExits(t *testing.T) {
	t.Parallel()
	var stderr console
	code := Run(Process{Environ: []string{"BELLHOP_HEARTBAET=1s"}, Stderr: &stderr}, &config.Bellhop{},
		func(_ context.Context, _ *config.Bellhop, inv Invocation) error {
			require.Equal(t, "run", inv.Command)
			return errors.New("the disk is full")
		})
	require.Equal(t, ExitFailure, code)
	require.Contains(t, stderr.String(), "the disk is full")
	require.Contains(t, stderr.String(), "BELLHOP_HEARTBAET", "a misspelt variable is pointed out")
}

func TestFirstSignalEndsInOrder(t *testing.T) {
	t.Parallel()
	signals := make(chan os.Signal, 2)
	var stderr console
	code := Run(Process{Stderr: &stderr, Signals: signals}, &config.Bellhop{},
		func(ctx context.Context, _ *config.Bellhop, _ Invocation) error {
			signals <- syscall.SIGTERM
			<-ctx.Done()
			return nil
		})
	require.Equal(t, ExitOK, code)
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	signals := make(chan os.Signal, 2)
	forever := make(chan struct{})
	t.Cleanup(func() { close(forever) })
	var stderr console
	code := Run(Process{Stderr: &stderr, Signals: signals}, &config.Bellhop{},
		func(ctx context.Context, _ *config.Bellhop, _ Invocation) error {
			signals <- syscall.SIGTERM
			<-ctx.Done()
			signals <- syscall.SIGTERM
			<-forever
			return nil
		})
	require.Equal(t, ExitFailure, code)
	require.Contains(t, stderr.String(), "stopping at once")
}

// TestCheckStartsNothing: it answers with its exit code, and the program is not run.
func TestCheckStartsNothing(t *testing.T) {
	t.Parallel()
	check := func(args ...string) (code int, stdout, stderr string) {
		var out, errs console
		code = Run(Process{Args: append([]string{"check"}, args...), Environ: []string{"BELLHOP_LISTEN=127.0.0.1:8080"}, Stdout: &out, Stderr: &errs}, &config.Bellhop{},
			func(context.Context, *config.Bellhop, Invocation) error {
				t.Error("the program was run")
				return nil
			})
		return code, out.String(), errs.String()
	}
	code, stdout, stderr := check()
	require.Equal(t, ExitOK, code)
	require.Equal(t, "bellhop: the settings are good\n", stdout)
	require.Empty(t, stderr)
	code, stdout, stderr = check("--heartbeat=1h", "--drain=-1s")
	require.Equal(t, ExitSettings, code)
	require.Empty(t, stdout)
	require.Equal(t, "bellhop: --heartbeat (BELLHOP_HEARTBEAT): 1h0m0s is out of range, want 100ms to 5m0s\n"+
		"bellhop: --drain (BELLHOP_DRAIN): -1s is out of range, want 0s to 10m0s\n", stderr)
}
