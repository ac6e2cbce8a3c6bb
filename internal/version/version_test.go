package version

import (
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatTheLinkerSaysComesFirst(t *testing.T) {
	t.Parallel()
	build := &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "true"},
	}}
	none := &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}
	said := Info{Version: "2.0.0", Commit: "def", Date: "2027-01-01T00:00:00Z", Go: "go1"}
	for _, c := range []struct {
		said  Info
		build *debug.BuildInfo
		want  Info
	}{
		{said, build, said},
		{Info{Go: "go1"}, build, Info{"1.2.3", "abc-dirty", "2026-01-02T03:04:05Z", "go1"}},
		{Info{Go: "go1"}, none, Info{"dev", "unknown", "unknown", "go1"}},
		{Info{Go: "go1"}, &debug.BuildInfo{}, Info{"dev", "unknown", "unknown", "go1"}},
	} {
		require.Equal(t, c.want, read(c.said, c.build))
	}
}

// TestEveryProgramSaysItsVersion as a release is built, at once and without settings.
func TestEveryProgramSaysItsVersion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const at = "github.com/bellhop/bellhop/internal/version."
	flags := "-X " + at + "version=9.8.7-rc.6 -X " + at + "commit=abcdef -X " + at + "date=2026-01-02T03:04:05Z"
	out, err := exec.CommandContext(t.Context(), "go", "build", "-ldflags", flags, "-o", dir, "../../cmd/...").CombinedOutput()
	require.NoError(t, err, "%s", out)
	programs, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Len(t, programs, 5)
	for _, program := range programs {
		cmd := exec.CommandContext(t.Context(), program, "--version")
		cmd.Env = []string{"BELLHOP_VERSION=of something else"}
		out, err := cmd.Output()
		require.NoError(t, err, program)
		require.Regexp(t, "^"+filepath.Base(program)+` 9\.8\.7-rc\.6, commit abcdef of 2026-01-02T03:04:05Z, go1\S+ \w+/\w+\n$`, string(out))
	}
}
