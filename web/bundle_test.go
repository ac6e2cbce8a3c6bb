package web

import (
	"bytes"
	"compress/gzip"
	"flag"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

var update = flag.Bool("update", false, "write bellhop.js anew from src")

// bundleHead stands above a bundle. Tools know its second line.
const bundleHead = `// Bellhop, Apache License 2.0: https://github.com/bellhop/bellhop
// Code generated from web/src by go test ./web -update; DO NOT EDIT.
`

// exported is what the bundles offer; all else is for src alone.
var exported = []string{"Bellhop", "BellhopError", "BellhopBell", "BellhopToasts", "showUnread", "playSound", "notifyDesktop", "tidy", "view"}

// TestBundlesAreCurrent: the client is written in modules of one responsibility each
// and loaded as one file, without a build on anybody's side.
func TestBundlesAreCurrent(t *testing.T) {
	t.Parallel()
	for name, entry := range map[string]string{
		"bellhop.js":           "src/bellhop.js",
		"bellhop-bell.js":      "src/bell/bell.js",
		"bellhop-toasts.js":    "src/bell/toasts.js",
		"bellhop-attention.js": "src/bell/attention.js",
		"bellhop-tidy.js":      "src/bell/tidy.js",
	} {
		want := bundle(t, entry)
		if *update {
			require.NoError(t, os.WriteFile(name, []byte(want), 0o644))
		}
		have, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, want, string(have), "run: go test ./web -run BundlesAreCurrent -update")
	}
}

// TestBundlesStaySmall as browsers get them from a page that takes care: without
// comments, compressed.
func TestBundlesStaySmall(t *testing.T) {
	t.Parallel()
	esbuild := filepath.Join(testenv.NodeModules(t, testenv.NPM(t)), "esbuild", "bin", "esbuild")
	for name, most := range map[string]int{"bellhop.js": 11 << 10, "bellhop-bell.js": 10 << 10} {
		small, err := exec.CommandContext(t.Context(), testenv.Node(t), esbuild, "--minify", name).Output()
		require.NoError(t, err)
		var zipped bytes.Buffer
		w, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
		require.NoError(t, err)
		_, err = w.Write(small)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.Less(t, zipped.Len(), most, name)
		require.Greater(t, zipped.Len(), most/2, "%s is not what it was", name)
	}
}

var (
	importLine = regexp.MustCompile(`(?m)^import \{[^}]*\} from "(\.\.?/[a-z]+\.js)";\n`)
	exportWord = regexp.MustCompile(`(?m)^export ((?:async )?(?:class|function|const) ([A-Za-z_]+))`)
)

// bundle joins a module of src and what it imports, each after what it needs, in
// one scope. That two of them mean different things by one name would be a syntax
// error, which loading the bundle shows.
func bundle(t *testing.T, entry string) string {
	t.Helper()
	out := new(strings.Builder)
	out.WriteString(bundleHead)
	var done []string
	var add func(name string)
	add = func(name string) {
		if slices.Contains(done, name) {
			return
		}
		done = append(done, name)
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		text := string(source)
		for _, match := range importLine.FindAllStringSubmatch(text, -1) {
			add(path.Join(path.Dir(name), match[1]))
		}
		text = importLine.ReplaceAllString(text, "")
		text = exportWord.ReplaceAllStringFunc(text, func(s string) string {
			if match := exportWord.FindStringSubmatch(s); !slices.Contains(exported, match[2]) {
				return match[1]
			}
			return s
		})
		require.NotRegexp(t, `(?m)^import `, text, "%s: an import of a form that is not known here", name)
		out.WriteString("\n// " + name + "\n\n" + strings.TrimSpace(text) + "\n")
	}
	add(entry)
	return out.String()
}
