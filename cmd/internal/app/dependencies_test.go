package app

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
	for file, paths := range imports(t) {
		for _, path := range paths {
			first, _, _ := strings.Cut(path, "/")
			listed := !strings.Contains(first, ".") || strings.HasPrefix(path, module)
			for other := range used {
				if path == other || strings.HasPrefix(path, other+"/") {
					used[other], listed = true, true
				}
			}
			require.True(t, listed, "%s imports %s, which docs/dependencies.md gives no reason for", file, path)
		}
	}
	for other, is := range used {
		require.True(t, is, "nothing imports %s any more", other)
	}
}

// TestNoImportGoesUp compares the imports of each package with its row in
// docs/architecture.md: they are the same, and stand in rows above.
func TestNoImportGoesUp(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/architecture.md")
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(text), "\n| package | does | imports |\n|---|---|---|\n")
	table, _, ok := strings.Cut(rest, "\n\n")
	require.True(t, ok, "docs/architecture.md has lost the table of packages")
	name := regexp.MustCompile("`([^`]+)`")
	above, listed := map[string]bool{}, map[string][]string{}
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		require.Len(t, cells, 5, row)
		pkg := name.FindStringSubmatch(cells[1])
		require.NotNil(t, pkg, row)
		listed[pkg[1]] = nil
		for _, m := range name.FindAllStringSubmatch(cells[3], -1) {
			require.True(t, above[m[1]], "%s imports %s, which does not stand above it", pkg[1], m[1])
			listed[pkg[1]] = append(listed[pkg[1]], m[1])
		}
		slices.Sort(listed[pkg[1]])
		above[pkg[1]] = true
	}
	found := map[string][]string{}
	for file, paths := range imports(t) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		pkg := filepath.ToSlash(filepath.Dir(file))
		if _, ok := found[pkg]; !ok {
			found[pkg] = nil
		}
		for _, path := range paths {
			if own, ok := strings.CutPrefix(path, module+"/"); ok && !slices.Contains(found[pkg], own) {
				found[pkg] = append(found[pkg], own)
			}
		}
		slices.Sort(found[pkg])
	}
	require.Equal(t, listed, found, "docs/architecture.md (expected) and the imports (actual)")
}

const module = "github.com/bellhop/bellhop"

// imports are those of all files of the module, by path within it.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	const root = "../../.."
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
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
		path, err = filepath.Rel(root, path)
		if err != nil {
			return err
		}
		found[path] = nil
		for _, spec := range file.Imports {
			found[path] = append(found[path], strings.Trim(spec.Path.Value, `"`))
		}
		return nil
	})
	require.NoError(t, err)
	return found
}
