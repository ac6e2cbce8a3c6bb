package app

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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

// backup is a fleet whose database is dumped and restored as the documentation says.
type backup struct {
	t        *testing.T
	engine   string
	database string
	dir      string
	environ  []string
	notifier string
}

func newBackup(t *testing.T, engine testenv.Engine) *backup {
	t.Helper()
	cluster := testenv.MySQL(t, engine)
	b := &backup{t: t, engine: engine.Name, database: cluster.NewDatabase(t), dir: t.TempDir(), notifier: testenv.Build(t, "./cmd/notifier")}
	account := "[client]\nuser=root\nsocket=" + cluster.Primary.Socket() + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(b.dir, ".my.cnf"), []byte(account), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(b.dir, "bin"), 0o700))
	for _, tool := range []string{"mysql", "mysqldump", "mysqlbinlog"} {
		// MySQL's own are beside its server: those in the path may be MariaDB's.
		script := fmt.Sprintf("#!/bin/sh\nPATH='%s:%s'\nexec \"$(command -v %s)\" --defaults-extra-file=\"$HOME/.my.cnf\" \"$@\"\n",
			filepath.Dir(os.Getenv("BELLHOP_TEST_MYSQLD")), os.Getenv("PATH"), tool)
		require.NoError(t, os.WriteFile(filepath.Join(b.dir, "bin", tool), []byte(script), 0o700))
	}
	policies := filepath.Join(b.dir, "policies.yaml")
	require.NoError(t, os.WriteFile(policies, []byte("namespaces: {topic: {access: public, log: database}}\n"), 0o600))
	b.environ = []string{
		"BELLHOP_MYSQL_PRIMARY=" + cluster.Primary.DSN(b.database), "BELLHOP_REDIS=" + testenv.Redis(t).URL(),
		"BELLHOP_LOG_FORMAT=text", "BELLHOP_SERVICE_KEYS=ops=" + fleetKey, "BELLHOP_POLICIES=" + policies,
	}
	return b
}

// of takes the block that is for an engine, where each has one.
func (b *backup) of(mariadb, mysql string) string {
	if b.engine == "mysql" {
		return mysql
	}
	return mariadb
}

// sh runs a block of the page, with the names of here.
func (b *backup) sh(script string) {
	b.t.Helper()
	script = strings.NewReplacer("=bellhop ", "="+b.database+" ", " bellhop >", " "+b.database+" >",
		"mariadb bellhop", b.of("mariadb ", "mysql ")+b.database, "notifier ", "'"+b.notifier+"' ").Replace(script)
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-euc", script)
	cmd.Dir, cmd.Env = b.dir, append(append(os.Environ(), "HOME="+b.dir, "PATH="+filepath.Join(b.dir, "bin")+":"+os.Getenv("PATH")), b.environ...)
	out, err := cmd.CombinedOutput()
	require.NoError(b.t, err, "%s", out)
}

// start launches a program of the fleet.
func (b *backup) start(name string, environ ...string) (process *exec.Cmd, url string) {
	b.t.Helper()
	process, _, url = launch(b.t, name, []string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"}, append(b.environ, environ...))
	return process, url
}

func (b *backup) gateway() (process *exec.Cmd, url string) {
	b.t.Helper()
	return b.start("gateway", "BELLHOP_JWT_SECRET="+strings.Repeat("k", 32), "BELLHOP_DRAIN=0s")
}

func (b *backup) stop(process *exec.Cmd) {
	b.t.Helper()
	require.NoError(b.t, process.Process.Signal(syscall.SIGTERM))
	require.NoError(b.t, process.Wait(), "%v", process.Stderr)
}

// publish appends an event that gets this seq.
func (b *backup) publish(url string, seq int) {
	b.t.Helper()
	status, body := post(b.t, url+"/v1/events", `{"channels":["topic:a"],"type":"note","data":1}`, "Authorization", "Bearer "+fleetKey)
	require.Equal(b.t, 201, status, "%s", body)
	require.Contains(b.t, body, fmt.Sprintf(`"seq":%d}`, seq))
}

// TestBackupAsDocumented takes a dump while events are published, and goes back to it
// in both ways: alone, where a new epoch begins, and who comes with a position from
// after the dump is told to fetch anew; and with what the binary log has from after it,
// where everybody goes on as if nothing had been.
func TestBackupAsDocumented(t *testing.T) {
	t.Parallel()
	blocks := codeIn(t, section(t, "Back up"), "sh")
	require.Len(t, blocks, 6)
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			b := newBackup(t, engine)
			dump, alone, since, load := b.of(blocks[0], blocks[1]), blocks[2], b.of(blocks[3], blocks[4]), blocks[5]

			notifier, url := b.start("notifier")
			gateway, streams := b.gateway()
			b.publish(url, 1)
			b.publish(url, 2)
			b.sh(dump)
			b.publish(url, 3)
			s := openStream(t, streams, "topic:a")
			s.waitFor(`"seq":3`)
			s.waitFor("bellhop.ready")
			ids := regexp.MustCompile(`(?m)^id: (.+)$`).FindAllStringSubmatch(s.text(), -1)
			require.NotEmpty(t, ids)
			cursor := ids[len(ids)-1][1]

			b.sh(since)
			b.stop(notifier)
			b.stop(gateway)
			b.sh(load)
			notifier, url = b.start("notifier")
			_, streams = b.gateway()
			s = openStreamAt(t, streams+"/v1/stream?channel=topic:a", "Last-Event-ID", cursor)
			s.waitFor("bellhop.ready")
			b.publish(url, 4)
			s.waitFor(`"seq":4`)
			require.NotContains(t, s.text(), "bellhop.reset")
			require.NotContains(t, s.text(), `"seq":3`)

			b.stop(notifier)
			b.sh(alone)
			_, url = b.start("notifier")
			b.publish(url, 3)
			s.waitFor("event: bellhop.reset")
		})
	}
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
