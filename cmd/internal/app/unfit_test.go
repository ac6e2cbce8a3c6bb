package app

import (
	"errors"
	"os/exec"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
)

// TestUnfitServerEndsTheStart: gateway, notifier and migration end with one sentence
// that names what is wrong with the server.
func TestUnfitServerEndsTheStart(t *testing.T) {
	t.Parallel()
	cluster := testenv.PrivateMySQL(t, testenv.MariaDB(), testenv.ServerOption("--max-allowed-packet=1M"))
	endsWith(t, cluster.Primary.DSN(cluster.NewDatabase(t)), "max_allowed_packet", [][]string{{"gateway"}, {"notifier"}, {"notifier", "migrate"}, {"notifier", "epoch", "keep"}})
}

// TestMissingRightEndsTheStart: so do gateway and notifier whose account lacks a right.
func TestMissingRightEndsTheStart(t *testing.T) {
	t.Parallel()
	cluster := testenv.PrivateMySQL(t, testenv.MariaDB())
	database := cluster.NewDatabase(t)
	log, err := store.OpenMySQL(t.Context(), store.MySQLConfig{Primary: cluster.Primary.DSN(database)})
	require.NoError(t, err)
	require.NoError(t, errors.Join(log.Migrate(t.Context()), log.Close()))
	cluster.Primary.Exec(t, "CREATE USER lacking@'%' IDENTIFIED BY 'secret'")
	cluster.Primary.Exec(t, "GRANT SELECT, INSERT, UPDATE ON "+database+".* TO lacking@'%'")
	cfg, err := mysql.ParseDSN(cluster.Primary.DSN(database))
	require.NoError(t, err)
	cfg.User, cfg.Passwd = "lacking", "secret"
	endsWith(t, cfg.FormatDSN(), "DELETE command denied", [][]string{{"gateway"}, {"notifier"}})
}

// endsWith starts commands on a primary, and wants them to end and say something.
func endsWith(t *testing.T, dsn, says string, commands [][]string) {
	t.Helper()
	environ := []string{
		"BELLHOP_LISTEN=127.0.0.1:0", "BELLHOP_ADMIN_LISTEN=127.0.0.1:0", "BELLHOP_LOG_FORMAT=text",
		"BELLHOP_MYSQL_PRIMARY=" + dsn, "BELLHOP_REDIS=" + testenv.Redis(t).URL(),
		"BELLHOP_JWT_SECRET=" + fleetSecret, "BELLHOP_SERVICE_KEYS=forum=" + fleetKey,
	}
	for _, command := range commands {
		cmd := program(t, t.TempDir(), command[0], command[1:], environ)
		var stderr console
		cmd.Stderr = &stderr
		var exit *exec.ExitError
		require.ErrorAs(t, cmd.Run(), &exit, command)
		require.Equal(t, ExitFailure, exit.ExitCode(), command)
		require.Contains(t, stderr.String(), says, command)
	}
}
