package app

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestImageStartsAsTheReadmeSays: the settings of README.md's command are enough for
// the program that it names. docker/smoke runs the command itself.
func TestImageStartsAsTheReadmeSays(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join("..", "..", "..", "README.md"))
	require.NoError(t, err)
	command := regexp.MustCompile("`docker run ([^`]*)`").FindStringSubmatch(string(readme))
	require.NotNil(t, command)
	words := strings.Fields(command[1])
	var environ []string
	for i, word := range words[:len(words)-1] {
		if word == "-e" {
			environ = append(environ, words[i+1])
		}
	}
	cmd := program(t, t.TempDir(), path.Base(words[len(words)-1]), []string{"check"}, environ)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}
