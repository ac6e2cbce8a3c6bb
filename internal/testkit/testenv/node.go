package testenv

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// npmTimeout bounds an installation. What was installed once comes from npm's cache.
const npmTimeout = 3 * time.Minute

// Node returns the path of Node.js.
func Node(tb testing.TB) string {
	tb.Helper()
	path, err := program("node", "nodejs")
	require.NoError(tb, err)
	return path
}

// NPM is the folder where what the tests take from npm is pinned, and installed by
// NodeModules.
func NPM(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(module(tb), "web", "testdata")
}

// NodeModules installs what dir's package-lock.json pins, unless that is there
// already, and returns the folder. Nothing that the packages bring is run. Test
// binaries that want the same wait for each other.
func NodeModules(tb testing.TB, dir string) string {
	tb.Helper()
	dir, err := filepath.Abs(dir)
	require.NoError(tb, err)
	pinned, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	require.NoError(tb, err)
	sum := sha256.Sum256(pinned)
	want := []byte(hex.EncodeToString(sum[:]))

	lock, err := os.OpenFile(filepath.Join(dir, ".installing"), os.O_CREATE|os.O_RDWR, 0o600)
	require.NoError(tb, err)
	defer lock.Close()
	require.NoError(tb, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)) // until it is closed

	modules := filepath.Join(dir, "node_modules")
	stamp := filepath.Join(modules, ".installed")
	if have, err := os.ReadFile(stamp); err == nil && bytes.Equal(have, want) {
		return modules
	}
	RunNPM(tb, dir, "ci")
	require.NoError(tb, os.WriteFile(stamp, want, 0o600))
	return modules
}

// RunNPM runs npm in a folder. Nothing that packages bring is run.
func RunNPM(tb testing.TB, dir string, args ...string) {
	tb.Helper()
	npm, err := program("npm")
	require.NoError(tb, err)
	ctx, cancel := context.WithTimeout(tb.Context(), npmTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, append(args, "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund")...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(tb, err, "npm %s in %s:\n%s", args, dir, out)
}
