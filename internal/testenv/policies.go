package testenv

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// DatabaseTopics is a setting under which the public namespace "topic" is kept in
// the database, for tests of what only the database promises.
func DatabaseTopics(tb testing.TB) string {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "policies.yaml")
	const policies = "namespaces:\n  topic: {access: public, log: database, retention: {max_age: 1h, max_count: 100}}\n"
	require.NoError(tb, os.WriteFile(file, []byte(policies), 0o600))
	return "BELLHOP_POLICIES=" + file
}
