package toolstest

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestActionsArePinned: a tag can be moved to other code, a commit cannot.
func TestActionsArePinned(t *testing.T) {
	files, err := filepath.Glob("../../.github/workflows/*.yml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`(?m)uses: *(.*)$`).FindAllStringSubmatch(string(text), -1) {
			require.Regexp(t, `^[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`, m[1], file)
		}
		require.Regexp(t, `(?m)^permissions: \{contents: read\}$`, string(text), file)
		for _, m := range regexp.MustCompile(`(?m)run: .*\bmake ([\w -]+)`).FindAllStringSubmatch(string(text), -1) {
			for _, target := range regexp.MustCompile(`[a-z-]+`).FindAllString(m[1], -1) {
				makefile, err := os.ReadFile("../../Makefile")
				require.NoError(t, err)
				require.Contains(t, string(makefile), "\n"+target+":", file)
			}
		}
	}
}
