package app

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// shopDatabase is a database of a product, and its DSN.
func shopDatabase(t *testing.T, charset string) (*sqlx.DB, string) {
	t.Helper()
	cluster := testenv.MySQL(t, testenv.MariaDB())
	name := cluster.NewDatabase(t)
	cluster.Primary.Exec(t, "ALTER DATABASE "+name+" CHARACTER SET "+charset)
	dsn := cluster.Primary.DSN(name)
	db, err := sqlx.Open("mysql", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db, dsn
}

// makeOutbox does what notifier relay schema prints.
func makeOutbox(t *testing.T, db *sqlx.DB) {
	t.Helper()
	var cfg config.Notifier
	result, err := config.Parse(&cfg, []string{"relay", "schema"}, nil, io.Discard)
	require.NoError(t, err)
	var schema bytes.Buffer
	require.NoError(t, RunNotifier(t.Context(), &cfg, Invocation{Command: result.Command, Stdout: &schema}))
	for statement := range strings.SplitSeq(strings.TrimSpace(schema.String()), ";\n") {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
}

// TestStatementsOfTheOutboxAreTaken: those of docs/publishing.md in every language, in one
// transaction, whatever the product's character set is. What is rolled back is not
// published.
func TestStatementsOfTheOutboxAreTaken(t *testing.T) {
	t.Parallel()
	db, dsn := shopDatabase(t, "latin1")
	makeOutbox(t, db)
	text, err := os.ReadFile("../../../" + publishing)
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(text), "\n## The outbox\n")
	require.True(t, ok)
	inserts := regexp.MustCompile(`INSERT INTO bellhop_outbox [^"';]+ VALUES \((?:\?|%s)[^)]*\)`).FindAllString(section, -1)
	require.Len(t, inserts, 5, "Go, Node.js, Python, Java and PHP")
	sql := codeIn(t, section, "sql")
	require.Len(t, sql, 2)

	data := `"` + strings.Repeat("😀", 10_000) + `"`
	tell := func(end string) {
		t.Helper()
		tx, err := db.BeginTxx(t.Context(), nil)
		require.NoError(t, err)
		for _, insert := range inserts {
			_, err := tx.ExecContext(t.Context(), strings.ReplaceAll(insert, "%s", "?"), "42", "comment", data)
			require.NoError(t, err, insert)
		}
		_, err = tx.ExecContext(t.Context(), sql[0])
		require.NoError(t, err)
		if end == "COMMIT" {
			require.NoError(t, tx.Commit())
		} else {
			require.NoError(t, tx.Rollback())
		}
	}
	tell("ROLLBACK")
	tell("COMMIT")
	_, err = db.ExecContext(t.Context(), "INSERT INTO bellhop_outbox (users, type, data) VALUES ('43', 'comment', 'no JSON')")
	require.NoError(t, err)

	_, err = db.ExecContext(t.Context(), "INSERT INTO bellhop_outbox (channels, type, data) VALUES ('topic:news', 'kept-in-redis', '1')")
	require.NoError(t, err)

	h := newHouse(t)
	var cfg config.Notifier
	_, err = config.Parse(&cfg, nil, h.environ("BELLHOP_OUTBOX="+dsn), io.Discard)
	require.NoError(t, err)
	s, err := NewNotifier(t.Context(), &cfg, testenv.Logger(t, testenv.Secrets(h.environ("BELLHOP_OUTBOX="+dsn)...)...))
	require.NoError(t, err)
	run(t, s)
	waits := func() (n int) {
		require.NoError(t, db.GetContext(t.Context(), &n, "SELECT COUNT(*) FROM bellhop_outbox WHERE refused_at IS NULL"))
		return n
	}
	require.Eventually(t, func() bool { return waits() == 0 }, patience, tick)
	log, err := sqlx.Open("mysql", h.primary)
	require.NoError(t, err)
	defer log.Close()
	var heads []string
	require.NoError(t, log.SelectContext(t.Context(), &heads, "SELECT CONCAT(name, ' ', head) FROM channels ORDER BY name"))
	require.Equal(t, []string{"room:7 1", "room:8 1", "user:42 5"}, heads)
	var refused string
	require.NoError(t, db.GetContext(t.Context(), &refused, "SELECT refused FROM bellhop_outbox"))
	require.Contains(t, refused, "data: malformed JSON")

	// Mended, it goes the way of the others.
	_, err = db.ExecContext(t.Context(), "UPDATE bellhop_outbox SET data = '1'")
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), sql[1])
	require.NoError(t, err)
	require.Eventually(t, func() bool { return waits() == 0 }, patience, tick)

	// Without the outbox the notifier is ready, and says what is wrong.
	_, err = db.ExecContext(t.Context(), "DROP TABLE bellhop_outbox")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return strings.Contains(fetched(s.AdminURL()+"/readyz"), "relay schema") }, patience, tick)
	eventuallyReady(t, s)
}

// TestUnfitOutboxEndsTheStart with one sentence, of the relay and of all that have it
// beside their API. The doctor says the same, and finds no fault once the tables are there.
func TestUnfitOutboxEndsTheStart(t *testing.T) {
	t.Parallel()
	db, dsn := shopDatabase(t, "utf8mb4")
	h := newHouse(t)
	doctor := func() string {
		out, err := program(t, t.TempDir(), "notifier", []string{"doctor"}, append(h.environ(), "BELLHOP_OUTBOX="+dsn)).CombinedOutput()
		require.Error(t, err, "there is no schema of the log")
		return string(out)
	}
	const says = "make it with the statements of notifier relay schema"
	require.Contains(t, doctor(), says)
	for _, command := range [][]string{{"notifier", "relay"}, {"notifier"}, {"bellhop", "--sqlite=" + t.TempDir() + "/b.db"}} {
		cmd := program(t, t.TempDir(), command[0], command[1:], append(h.environ("BELLHOP_LOG_FORMAT=text"), "BELLHOP_OUTBOX="+dsn))
		var stderr console
		cmd.Stderr = &stderr
		var exit *exec.ExitError
		require.ErrorAs(t, cmd.Run(), &exit, command)
		require.Equal(t, ExitFailure, exit.ExitCode(), command)
		require.Contains(t, stderr.String(), says, command)
	}
	makeOutbox(t, db)
	require.Contains(t, doctor(), "the tables of bellhop_outbox are there")
}
