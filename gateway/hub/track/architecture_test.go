package track

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// source is the text of a package without its tests.
func source(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "_test.go") })
	require.NotEmpty(t, files)
	var text strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		text.Write(b)
	}
	return text.String()
}

// What decides has no lock, no clock and no I/O, and of the three packages only the hub
// knows the others.
func TestDecisionsArePure(t *testing.T) {
	t.Parallel()
	const hub = `"github.com/bellhop/bellhop/gateway/hub`
	track, read := source(t, "."), source(t, "../read")
	for _, no := range []string{`"sync"`, `"sync/atomic"`, `"context"`, `"log/slog"`, `"math/rand`, `time.Now(`, `time.AfterFunc(`, "\tgo ", "chan ", hub} {
		require.NotContains(t, track, no)
	}
	require.NotContains(t, read, hub)
}

// Each row of the two tables of docs/architecture.md stands in one place of the code.
func TestTablesNamePlacesInTheCode(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/architecture.md")
	require.NoError(t, err)
	_, tables, ok := strings.Cut(string(page), "### The life of a channel")
	require.True(t, ok)
	tables, _, ok = strings.Cut(tables, "### Words")
	require.True(t, ok)
	code, rows := source(t, "."), 0
	place := regexp.MustCompile("`(?:(\\w+)\\.)?(\\w+)`")
	for line := range strings.Lines(tables) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || strings.HasPrefix(cells[1], "---") || strings.TrimSpace(cells[4]) == "where" {
			continue
		}
		rows++
		names := place.FindAllStringSubmatch(cells[4], -1)
		require.NotEmpty(t, names, line)
		for _, n := range names {
			declared := `(?m)^func \(\w+ \*?` + n[1] + `\) ` + n[2] + `\(`
			if n[1] == "track" {
				declared = `(?m)^func ` + n[2] + `\(`
			}
			require.Regexp(t, declared, code)
		}
	}
	require.Greater(t, rows, 40)
}
