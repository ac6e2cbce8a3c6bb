package toolstest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// copied is the tree in a new folder, as somebody has it who cloned it.
func copied(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimSuffix(run(t, root, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) { // removed, and not committed yet
			continue
		}
		require.NoError(t, err)
		to := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o750))
		require.NoError(t, os.WriteFile(to, text, 0o600))
	}
	run(t, dir, "git", "init", "-q")
	return dir
}

// TestRenamedTreeIsWhole: make rename leaves the old names nowhere, and what there is
// compiles, tests included.
func TestRenamedTreeIsWhole(t *testing.T) {
	t.Parallel()
	dir := copied(t)
	was := []string{"bellhop/bellhop", "bellhop-client", "@bellhop/maintainers"}
	for _, name := range was {
		require.NotEmpty(t, run(t, dir, "git", "grep", "--no-index", "-IlF", "-e", name))
	}
	run(t, dir, "make", "-s", "rename", "MODULE=git.example.com/team/bell", "NPM=@team/bell", "REPOSITORY=registry.example.com/team/bell", "OWNERS=@team/reviewers")
	var left []string
	for line := range strings.Lines(run(t, dir, "git", "grep", "--no-index", "-InE", "-e", strings.Join(was, "|"))) {
		// Paths on a machine with a package, other names, and this test.
		if !strings.Contains(line, "/etc/bellhop/bellhop") && !strings.Contains(line, "/lib/bellhop/bellhop") && !strings.Contains(line, "packages/bellhop") &&
			!strings.Contains(line, "bellhop-client-go") && !strings.Contains(line, "bellhop-client-tests") && !strings.HasPrefix(line, "tools/toolstest/rename_test.go:") {
			left = append(left, line)
		}
	}
	require.Empty(t, left)
	require.Equal(t, "git.example.com/team/bell\n", run(t, dir, "go", "list", "-m"))
	require.Equal(t, "git.example.com/team/bell/deploy/helm\n", run(t, filepath.Join(dir, "deploy/helm"), "go", "list", "-m"))
	run(t, dir, "make", "-s", "vet")
}

// TestNamesThatAreNoneAreRefused, before anything is changed.
func TestNamesThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	dir := copied(t)
	for _, given := range []string{"MODULE=bell", "MODULE=example.com/a b", "NPM=Team/bell", "NPM=a#b", "REPOSITORY=bell", "OWNERS=team"} {
		cmd := exec.CommandContext(t.Context(), "sh", "tools/rename")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), given)
		out, err := cmd.CombinedOutput()
		require.Error(t, err, given)
		require.Contains(t, string(out), " is no name for ", given)
	}
}
