package app

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryDependencyHasItsReason compares the imports of all files with the
// table in docs/dependencies.md, in both directions.
func TestEveryDependencyHasItsReason(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/dependencies.md")
	require.NoError(t, err)
	used := map[string]bool{} // the modules of the table
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| \\S").FindAllStringSubmatch(string(text), -1) {
		used[m[1]] = false
	}
	for path, file := range imports(t) {
		listed := false
		for module := range used {
			if path == module || strings.HasPrefix(path, module+"/") {
				used[module], listed = true, true
			}
		}
		require.True(t, listed, "%s imports %s, which docs/dependencies.md gives no reason for", file, path)
	}
	for module, is := range used {
		require.True(t, is, "nothing imports %s any more", module)
	}
}

// imports are the packages of others that the module's files import, each with
// a file that does.
func imports(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir("../../..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && entry.Name() != "..":
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			first, _, _ := strings.Cut(name, "/")
			if strings.Contains(first, ".") && !strings.HasPrefix(name, "github.com/bellhop/bellhop") {
				found[name] = path
			}
		}
		return nil
	})
	require.NoError(t, err)
	return found
}
