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

// TestRulesHaveTheirTests: every test that docs/protocol.md names exists.
func TestRulesHaveTheirTests(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "protocol.md"))
	require.NoError(t, err)
	var code strings.Builder
	for _, dir := range []string{"store", "gateway", filepath.Join("internal", "e2e"), filepath.Join("web", "test")} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, dir), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" && filepath.Ext(path) != ".js" {
				return err
			}
			text, err := os.ReadFile(path)
			code.Write(text)
			return err
		}))
	}
	rows := 0
	name := regexp.MustCompile("`([^`]+)`")
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || strings.HasPrefix(cells[1], "---") || strings.TrimSpace(cells[1]) == "rule" {
			continue
		}
		rows++
		tests := name.FindAllStringSubmatch(cells[3], -1)
		require.NotEmpty(t, tests, "a rule without a test: %s", cells[1])
		for _, test := range tests {
			declared := "func " + test[1] + "(t *testing.T)"
			if !strings.HasPrefix(test[1], "Test") {
				declared = `"` + test[1] + `": func(t *testing.T`
			}
			script := `test("` + test[1] + `"`
			there := strings.Contains(code.String(), declared) || strings.Contains(code.String(), script)
			require.True(t, there, "there is no %s", test[1]) // require.Contains would print all of the code
		}
	}
	require.Greater(t, rows, 20)
}
