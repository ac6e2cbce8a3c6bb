package app

import (
	"path/filepath"
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
	file, replicas := filepath.Join(t.TempDir(), "primary"), filepath.Join(t.TempDir(), "replicas")
	replica := cluster.Replica.DSN(database) + "\n"
	cmd, stderr, url := launch(t, "notifier", []string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"}, []string{
		"BELLHOP_MYSQL_PRIMARY_FILE=" + replaceFile(t, file, older),
		"BELLHOP_MYSQL_REPLICAS_FILE=" + replaceFile(t, replicas, replica),
		"BELLHOP_REDIS=" + testenv.Redis(t).URL(),
		"BELLHOP_SERVICE_KEYS=ops=" + fleetKey, "BELLHOP_LOG_FORMAT=text",
	})
	publishes := func() {
		t.Helper()
		status, body := post(t, url+"/v1/events", `{"channels":["user:7"],"type":"note","data":1}`, "Authorization", "Bearer "+fleetKey)
		require.Equal(t, 201, status, "%s", body)
	}
	publishes()
	replaceFile(t, replicas, replica+replica)
	hangUp(t, cmd, stderr, "2 replicas, not 1")
	replaceFile(t, replicas, replica)
	replaceFile(t, file, "no DSN")
	hangUp(t, cmd, stderr, "nothing changes")
	publishes()

	replaceFile(t, file, newer)
	hangUp(t, cmd, stderr, "database accounts")
	cluster.Primary.Exec(t, "DROP USER rotate_a@'%'")
	publishes()
	var connections int
	const query = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'rotate_b'"
	require.NoError(t, cluster.Primary.Admin().QueryRow(query).Scan(&connections))
	require.Positive(t, connections)
}
