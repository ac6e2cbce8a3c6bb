package testenv

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

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
