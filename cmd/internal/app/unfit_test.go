package app

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestUnfitServerEndsTheStart: gateway, notifier and migration end with one sentence
// that names what is wrong with the server.
func TestUnfitServerEndsTheStart(t *testing.T) {
	t.Parallel()
	cluster := testenv.PrivateMySQL(t, testenv.MariaDB(), testenv.ServerOption("--max-allowed-packet=1M"))
	environ := []string{
		"BELLHOP_LISTEN=127.0.0.1:0", "BELLHOP_ADMIN_LISTEN=127.0.0.1:0", "BELLHOP_LOG_FORMAT=text",
		"BELLHOP_MYSQL_PRIMARY=" + cluster.Primary.DSN(cluster.NewDatabase(t)), "BELLHOP_REDIS=" + testenv.Redis(t).URL(),
		"BELLHOP_JWT_SECRET=" + fleetSecret, "BELLHOP_SERVICE_KEYS=forum=" + fleetKey,
	}
	for _, command := range [][]string{{"gateway"}, {"notifier"}, {"notifier", "migrate"}, {"notifier", "epoch", "keep"}} {
		cmd := program(t, t.TempDir(), command[0], command[1:], environ)
		var stderr console
		cmd.Stderr = &stderr
		var exit *exec.ExitError
		require.ErrorAs(t, cmd.Run(), &exit, command)
		require.Equal(t, ExitFailure, exit.ExitCode(), command)
		require.Contains(t, stderr.String(), "max_allowed_packet", command)
	}
}
