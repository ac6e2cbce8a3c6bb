package toolstest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const (
	root     = "../.."
	patience = time.Minute
	tick     = 20 * time.Millisecond
)

// platform is what is tried: that of this machine, on Linux.
const platform = "linux-" + runtime.GOARCH

// download is a folder with what people download. BELLHOP_TEST_DIST names that of a
// release; without it there are an archive and a deb of programs that are built
// without much effort.
func download(t *testing.T) string {
	t.Helper()
	if dist := os.Getenv("BELLHOP_TEST_DIST"); dist != "" {
		return dist
	}
	nfpm := strings.TrimSpace(run(t, root, "make", "-s", "nfpm"))
	programs := ""
	for _, name := range []string{"bellhop", "gateway", "notifier"} {
		programs = filepath.Dir(testenv.Build(t, "./cmd/"+name))
	}
	dist := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "sh", "tools/pack", strings.Replace(platform, "-", "/", 1), programs, dist)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "NFPM="+nfpm, "VERSION=0.0.0-test", "SOURCE_DATE_EPOCH=1800000000", "KINDS=deb", "LEVEL=1",
		"MAINTAINER=Somebody <somebody@example.com>", "HOMEPAGE=https://example.com/bellhop")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return dist
}

// run is a command that has to succeed, and what it prints.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s %s\n%s%s", name, args, out, &stderr)
	return string(out)
}

// only is the one file of a folder whose name ends so.
func only(t *testing.T, dir, end string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"+end))
	require.NoError(t, err)
	require.Len(t, files, 1, end)
	return files[0]
}

// unpacked is the folder in the archive, in a new one.
func unpacked(t *testing.T, dist string) string {
	t.Helper()
	dir := t.TempDir()
	run(t, dir, "tar", "-xzf", only(t, dist, platform+".tar.gz"))
	return only(t, dir, platform)
}

// commands are the blocks of shell under a heading of a page.
func commands(t *testing.T, page, heading string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	_, part, ok := strings.Cut(string(text), "\n## "+heading+"\n")
	require.True(t, ok, heading)
	part, _, _ = strings.Cut(part, "\n## ")
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(part, -1) {
		blocks = append(blocks, m[1])
	}
	return blocks
}

// TestDownloads: what is in them, and that it starts as it says there.
func TestDownloads(t *testing.T) {
	t.Parallel()
	dist := download(t)
	t.Run("archive holds the programs and the npm package", func(t *testing.T) { archiveHolds(t, dist) })
	t.Run("archive rings a browser by its README", func(t *testing.T) { archiveRings(t, dist) })
	t.Run("readme of the repository gets them", func(t *testing.T) { readmeGets(t, dist) })
	t.Run("package holds", func(t *testing.T) { packageHolds(t, dist) })
	t.Run("package starts as its unit says", func(t *testing.T) { packageStarts(t, dist) })
}
