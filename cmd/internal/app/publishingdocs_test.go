package app

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// codeBlocks are the blocks of a page in one language.
func codeBlocks(t *testing.T, page, language string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", page))
	require.NoError(t, err)
	return codeIn(t, string(text), language)
}

// codeIn are those of a part of a page.
func codeIn(t *testing.T, text, language string) (blocks []string) {
	t.Helper()
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(text, -1) {
		blocks = append(blocks, m[1])
	}
	require.NotEmpty(t, blocks, language)
	return blocks
}

// TestExamplesOfPublishingRun runs docs/publishing.md in the languages that are
// here. Each of them publishes under a key of its own, twice, and is told the
// same seq the second time.
func TestExamplesOfPublishingRun(t *testing.T) {
	t.Parallel()
	const page = "docs/publishing.md"
	dir := t.TempDir()
	h := startBellhop(t, "--sqlite="+filepath.Join(dir, "bellhop.db"))
	eventuallyReady(t, h.Service)
	shell := codeBlocks(t, page, "sh")
	keys := strings.ReplaceAll(shell[0], "http://127.0.0.1:8080", h.URL())
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	for _, tt := range []struct{ name, file, code, run, folder string }{
		{"curl", "publish.sh", strings.Join(shell[1:], "\n"), "sh", dir},
		{"Go", "main.go", codeBlocks(t, page, "go")[0], "go run", root},
		{"Node.js", "publish.mjs", codeBlocks(t, page, "js")[0], "node", dir},
		{"Python", "publish.py", codeBlocks(t, page, "python")[0], "python3", dir},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), tt.file)
			require.NoError(t, os.WriteFile(file, []byte(tt.code), 0o600))
			ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
			defer cancel()
			run := func() string {
				script := "set -eu\n" + keys + "\ncd '" + tt.folder + "'\n" + tt.run + " '" + file + "'"
				cmd := exec.CommandContext(ctx, "sh", "-c", script)
				cmd.Dir = dir
				out, err := cmd.CombinedOutput()
				require.NoError(t, err, "%s", out)
				return string(out)
			}
			first := run()
			require.Regexp(t, `kept as \d+\n|"seq":\d+`, first)
			require.Equal(t, first, run(), "it is replayed")
		})
	}
}
