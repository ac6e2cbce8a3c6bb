package testenv

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Setting is the whole number that an environment variable holds, for benchmarks
// whose size is to be chosen; otherwise if there is none.
func Setting(tb testing.TB, name string, otherwise int) int {
	tb.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(tb, err, name)
	return n
}

// DatabaseTopics is a setting under which the public namespace "topic" is kept in
// the database, for tests of what only the database promises.
func DatabaseTopics(tb testing.TB) string {
	tb.Helper()
	return Policies(tb, "  topic: {access: public, log: database, retention: {max_age: 1h, max_count: 100}}")
}

// Policies is a setting of these namespaces, a line each, in place of the built-in
// ones.
func Policies(tb testing.TB, namespaces ...string) string {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "policies.yaml")
	text := "namespaces:\n" + strings.Join(namespaces, "\n") + "\n"
	require.NoError(tb, os.WriteFile(file, []byte(text), 0o600))
	return "BELLHOP_POLICIES=" + file
}
