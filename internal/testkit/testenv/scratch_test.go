package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSweepRemovesOnlyWhatTheDeadHaveLeft(t *testing.T) {
	t.Parallel()
	ended := exec.Command("true")
	require.NoError(t, ended.Run())
	parent := t.TempDir()
	dead := filepath.Join(parent, fmt.Sprintf("bellhop-%d-1", ended.Process.Pid))
	kept := []string{
		filepath.Join(parent, fmt.Sprintf("bellhop-%d-1", os.Getpid())),
		filepath.Join(parent, "bellhop-programs-1"),
		filepath.Join(parent, "other"),
	}
	for _, dir := range append(kept, dead) {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "d"), 0o700))
	}
	sweep(parent)
	require.NoDirExists(t, dead)
	for _, dir := range kept {
		require.DirExists(t, dir)
	}
}
