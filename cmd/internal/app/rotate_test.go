package app

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestDatabaseAccountsChangeWithoutARestart: a new account is taken from its file on
// SIGHUP, and the old one is not used any more. A file that does not fit leaves all
// as it was.
func TestDatabaseAccountsChangeWithoutARestart(t *testing.T) {
	t.Parallel()
	cluster := testenv.MySQL(t, testenv.MariaDB())
	database := cluster.NewDatabase(t)
	account := func(user string) string {
		cluster.Primary.Exec(t, "CREATE OR REPLACE USER "+user+"@'%' IDENTIFIED BY 'pw-"+user+"'")
		cluster.Primary.Exec(t, "GRANT ALL ON "+database+".* TO "+user+"@'%'")
		return user + ":pw-" + user + "@tcp(" + cluster.Primary.Addr + ")/" + database
	}
	older, newer := account("rotate_a"), account("rotate_b")
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path+".new", []byte(text), 0o600))
		require.NoError(t, os.Rename(path+".new", path))
		return path
	}
	cmd, stderr, url := launch(t, "notifier", []string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"}, []string{
		"BELLHOP_MYSQL_PRIMARY_FILE=" + write("primary", older),
		"BELLHOP_REDIS=" + testenv.Redis(t).URL(),
		"BELLHOP_SERVICE_KEYS=ops=" + fleetKey, "BELLHOP_LOG_FORMAT=text",
	})
	publishes := func() {
		t.Helper()
		status, body := post(t, url+"/v1/events", `{"channels":["user:7"],"type":"note","data":1}`, "Authorization", "Bearer "+fleetKey)
		require.Equal(t, 201, status, "%s", body)
	}
	hangUp := func(says string) {
		t.Helper()
		before := strings.Count(stderr.String(), says)
		require.NoError(t, cmd.Process.Signal(syscall.SIGHUP))
		require.Eventually(t, func() bool { return strings.Count(stderr.String(), says) > before }, patience, tick, "%s", stderr)
	}
	publishes()
	write("primary", "no DSN")
	hangUp("all stays as it was")
	publishes()

	write("primary", newer)
	hangUp("database accounts")
	cluster.Primary.Exec(t, "DROP USER rotate_a@'%'")
	publishes()
	var connections int
	const query = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'rotate_b'"
	require.NoError(t, cluster.Primary.Admin().QueryRow(query).Scan(&connections))
	require.Positive(t, connections)
}
