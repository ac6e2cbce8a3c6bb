package app

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAttacksHaveTheirTests: every test that SECURITY.md names exists, and every
// attack that is tested stands there.
func TestAttacksHaveTheirTests(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "..")
	page, err := os.ReadFile(filepath.Join(root, "SECURITY.md"))
	require.NoError(t, err)
	there := make(map[string]bool)
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && path != root:
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(text, -1) {
			there[string(m[1])] = true
		}
		return err
	}))
	_, section, ok := strings.Cut(string(page), "\n## Attacks\n")
	require.True(t, ok)
	section, _, _ = strings.Cut(section, "\n## ")
	rows, named := 0, make(map[string]bool)
	name := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
	for line := range strings.Lines(section) {
		tests := name.FindAllStringSubmatch(line, -1)
		if cells := strings.Split(line, "|"); len(cells) == 5 && !strings.HasPrefix(cells[1], "---") && strings.TrimSpace(cells[3]) != "test" {
			rows++
			require.NotEmpty(t, tests, "an attack without a test: %s", cells[1])
		}
		for _, m := range tests {
			require.True(t, there[m[1]], "there is no %s", m[1])
			named[m[1]] = true
		}
	}
	require.Greater(t, rows, 25)
	for test := range there {
		if strings.HasPrefix(test, "TestAttack") && test != "TestAttacksHaveTheirTests" {
			require.True(t, named[test], "SECURITY.md does not name %s", test)
		}
	}
}
