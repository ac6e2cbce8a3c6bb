package app

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// section is a part of docs/operations.md, without those below it.
func section(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "operations.md"))
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(text), "\n### "+heading+"\n")
	require.True(t, ok, heading)
	part, _, _ := strings.Cut(rest, "\n##")
	return part
}

// TestBackupAsDocumented takes a dump while events are published, goes back to it,
// and begins a new epoch: who comes with a position from after the dump is told to
// fetch anew, and what is published then has numbers that follow the dump's.
func TestBackupAsDocumented(t *testing.T) {
	t.Parallel()
	cluster := testenv.MySQL(t, testenv.MariaDB())
	database := cluster.NewDatabase(t)
	dir := t.TempDir()
	socket := cluster.Primary.Socket()
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".my.cnf"), []byte("[client]\nuser=root\nsocket="+socket+"\n"), 0o600))
	environ := []string{
		"BELLHOP_MYSQL_PRIMARY=" + cluster.Primary.DSN(database), "BELLHOP_REDIS=" + testenv.Redis(t).URL(),
		"BELLHOP_LOG_FORMAT=text", "BELLHOP_SERVICE_KEYS=ops=" + fleetKey,
	}
	notifier := testenv.Build(t, "./cmd/notifier")
	sh := func(script string) {
		t.Helper()
		script = strings.NewReplacer(" bellhop |", " "+database+" |", "mariadb bellhop", "mariadb "+database, "notifier ", "'"+notifier+"' ").Replace(script)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, "sh", "-euc", script)
		cmd.Dir, cmd.Env = dir, append(append(os.Environ(), "HOME="+dir), environ...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	publish := func(url string, seq int) {
		t.Helper()
		status, body := post(t, url+"/v1/events", `{"channels":["topic:a"],"type":"note","data":1}`, "Authorization", "Bearer "+fleetKey)
		require.Equal(t, 201, status, "%s", body)
		require.Contains(t, body, fmt.Sprintf(`"seq":%d}`, seq))
	}
	policies := filepath.Join(dir, "policies.yaml")
	require.NoError(t, os.WriteFile(policies, []byte("namespaces: {topic: {access: public, log: database}}\n"), 0o600))
	environ = append(environ, "BELLHOP_POLICIES="+policies)
	steps := codeIn(t, section(t, "Back up"), "sh")
	require.Len(t, steps, 2)

	process, _, url := launch(t, "notifier", []string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"}, environ)
	_, _, gateway := launch(t, "gateway", []string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"}, append(environ, "BELLHOP_JWT_SECRET="+strings.Repeat("k", 32)))
	publish(url, 1)
	publish(url, 2)
	sh(steps[0])
	publish(url, 3)
	s := openStream(t, gateway, "topic:a&lastEventId=0")
	s.waitFor(`"seq":3`)

	require.NoError(t, process.Process.Signal(syscall.SIGTERM))
	require.NoError(t, process.Wait())
	sh(steps[1])
	_, _, url = launch(t, "notifier", []string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"}, environ)
	publish(url, 3)
	s.waitFor("event: bellhop.reset")
}

// TestSizesAsDocumented runs the statements about tables while there are events.
func TestSizesAsDocumented(t *testing.T) {
	t.Parallel()
	cluster := testenv.MySQL(t, testenv.MariaDB())
	database := cluster.NewDatabase(t)
	launch(t, "notifier", []string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"}, []string{
		"BELLHOP_MYSQL_PRIMARY=" + cluster.Primary.DSN(database), "BELLHOP_REDIS=" + testenv.Redis(t).URL(),
		"BELLHOP_LOG_FORMAT=text", "BELLHOP_SERVICE_KEYS=ops=" + fleetKey,
	})
	conn, err := cluster.Primary.Admin().Conn(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	_, err = conn.ExecContext(t.Context(), "USE "+database)
	require.NoError(t, err)
	documented := section(t, "How large it is")
	statements := codeIn(t, documented, "sql")
	require.Len(t, statements, 2)
	rows, err := conn.QueryContext(t.Context(), statements[0])
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	for rows.Next() {
		var table string
		var count, size, free any
		require.NoError(t, rows.Scan(&table, &count, &size, &free))
		switch table {
		case "meta", "tail", "revocations", "bellhop_schema": // a row or a few
		default:
			require.Contains(t, documented, "`"+table+"`")
		}
	}
	require.NoError(t, rows.Err())
	_, err = conn.ExecContext(t.Context(), statements[1])
	require.NoError(t, err)
}
