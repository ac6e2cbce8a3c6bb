package toolstest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// readmeGets runs what README.md tells people to run with a release, from its files in
// a folder. What is in BELLHOP_TEST_DIST is whole; otherwise it is an archive and a deb.
func readmeGets(t *testing.T, dist string) {
	t.Helper()
	whole := os.Getenv("BELLHOP_TEST_DIST") != ""
	version := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(only(t, dist, platform+".tar.gz")), "bellhop-"), "-"+platform+".tar.gz")
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	_, part, _ := strings.Cut(string(text), "\n## Get it\n")
	part, _, _ = strings.Cut(part, "\n## ")
	part = strings.ReplaceAll(part, "linux-amd64", platform)

	dist, err = filepath.Abs(dist)
	require.NoError(t, err)
	here := "set -eu\nVERSION=" + version + "\nFROM=file://" + dist + "\n"
	dir := t.TempDir()
	block := regexp.MustCompile("(?s)```sh\nVERSION=.*?\nFROM=.*?\n(.*\n)bin/bellhop\n```").FindStringSubmatch(part)
	require.NotNil(t, block)
	require.Contains(t, run(t, dir, "sh", "-c", here+block[1]+"bin/bellhop --version"), "bellhop")

	commands := regexp.MustCompile("(?m)^\\|[^|]*\\| `([^`]*)`").FindAllStringSubmatch(part, -1)
	require.Len(t, commands, 6)
	files := regexp.MustCompile("\\$FROM/([^\\s`]+)").FindAllStringSubmatch(part, -1)
	require.Len(t, files, 6)
	for _, file := range files {
		if name := strings.ReplaceAll(file[1], "$VERSION", version); whole || strings.HasSuffix(name, ".deb") {
			require.FileExists(t, filepath.Join(dist, name))
		}
	}
	for _, command := range commands {
		if whole && regexp.MustCompile(`^(npm|curl.*sha256sum) `).MatchString(command[1]) {
			run(t, dir, "sh", "-c", here+command[1])
		}
	}
}
