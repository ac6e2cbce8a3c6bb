package app

import (
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/internal/probe"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// examined is what doctor says of a program's surroundings: the bad lines, without what
// to do.
func examined(t *testing.T, program config.Program, environ []string, args ...string) (bad []string, all string) {
	t.Helper()
	var stdout, stderr console
	process := Process{Args: append([]string{"doctor"}, args...), Environ: environ, Stdout: &stdout, Stderr: &stderr}
	var code int
	switch p := program.(type) {
	case *config.Gateway:
		code = Run(process, p, RunGateway)
	case *config.Notifier:
		code = Run(process, p, RunNotifier)
	case *config.Bellhop:
		code = Run(process, p, RunBellhop)
	}
	all = stdout.String()
	t.Log("\n" + all)
	for line := range strings.Lines(all) {
		if text, found := strings.CutPrefix(line, "BAD   "); found {
			text, _, _ = strings.Cut(text, ". Do: ")
			bad = append(bad, text)
		} else {
			require.True(t, strings.HasPrefix(line, "good  "), line)
		}
	}
	require.NotEmpty(t, all, "%s", &stderr)
	require.Equal(t, map[bool]int{true: ExitOK, false: ExitFailure}[len(bad) == 0], code, "%s", &stderr)
	testenv.NoSecrets(t, "the doctor", all, testenv.Secrets(environ...)...)
	return bad, all
}

// TestDoctorTriesWhatIsNeeded: on real servers where all is well, and then with one
// thing after the other that is not.
func TestDoctorTriesWhatIsNeeded(t *testing.T) {
	t.Parallel()
	cluster := testenv.PrivateMySQL(t, testenv.MariaDB(), testenv.Durable())
	database := cluster.NewDatabase(t)
	redis := testenv.Redis(t)
	h := house{primary: cluster.Primary.DSN(database), replica: cluster.Replica.DSN(database), redis: redis.URL()}
	environ := h.environ("GOMEMLIMIT=1GiB")
	primary, replica := "primary "+cluster.Primary.Addr, "replica "+cluster.Replica.Addr
	token := signed(t, "mina", time.Now())

	bad, _ := examined(t, &config.Notifier{}, environ)
	require.Len(t, bad, 2)
	require.Contains(t, bad[0], primary+", schema: ")
	n, stop := h.notifier(t)
	require.Eventually(t, func() bool { return probe.Get(t.Context(), n.public.Addr().String(), "/readyz") == nil }, patience, tick)
	require.NoError(t, stop())
	cluster.WaitCaughtUp(t)
	notMemory := func(bad []string) (rest []string) { // what the machine of the test has is not ours
		for _, line := range bad {
			if !strings.HasPrefix(line, "memory: ") {
				rest = append(rest, line)
			}
		}
		return rest
	}
	bad, _ = examined(t, &config.Notifier{}, environ)
	require.Empty(t, notMemory(bad))
	bad, all := examined(t, &config.Gateway{}, environ, "--token="+token)
	require.Empty(t, notMemory(bad))
	for _, line := range []string{
		"--listen 127.0.0.1:0: is free", "descriptors: ", primary + ", version: ", primary + ", rights: ", primary + ", clock: ",
		primary + ", durability: every acknowledged event is on disk", primary + ", binary log: is written to disk at each commit",
		replica + ", lag: had what the primary had within ", "Redis, rights: ", "Redis, clock: ", "Redis, kind: version ", "Redis, persistence: ",
		"Redis, eviction: none", "keys of tokens: 1 issuers", `sample token: is of "mina"`,
	} {
		require.Contains(t, all, "good  "+line)
	}

	cluster.Primary.Exec(t, "SET GLOBAL innodb_flush_log_at_trx_commit = 2, GLOBAL sync_binlog = 0")
	cluster.Primary.Exec(t, "CREATE USER reader@'%' IDENTIFIED BY 'pw'")
	cluster.Primary.Exec(t, "GRANT SELECT ON "+database+".* TO reader@'%'") //nolint:unqueryvet // all tables, not all columns
	cluster.WaitCaughtUp(t)
	cluster.StopApplier(t)
	defer cluster.StartApplier(t)
	cluster.Primary.Exec(t, "INSERT INTO "+database+".commits (id, token, at, changes) VALUES (1000000, 'of-nobody-at-all', 0, '')")
	require.NoError(t, redis.Client().Do(t.Context(), "CONFIG", "SET", "maxmemory", "64mb", "maxmemory-policy", "allkeys-lru").Err())
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	wrong := h
	wrong.primary = "reader:pw@tcp(" + cluster.Primary.Addr + ")/" + database
	bad, _ = examined(t, &config.Gateway{}, wrong.environ("BELLHOP_LISTEN="+taken.Addr().String()), "--token="+token+"x")
	bad = notMemory(bad)
	for i, begin := range []string{
		"--listen " + taken.Addr().String() + ": ", primary + ", rights: the account may not UPDATE, DELETE, INSERT",
		primary + ", durability: innodb_flush_log_at_trx_commit is 2", primary + ", binary log: sync_binlog is 0",
		replica + ", lag: has not got within", "Redis, eviction: ", "sample token: is refused: ",
	} {
		require.Greater(t, len(bad), i, "%q", bad)
		require.True(t, strings.HasPrefix(bad[i], begin), "%q: %q", begin, bad[i])
	}
	require.Len(t, bad, 7)

	wrong.primary = strings.Replace(h.primary, cluster.Primary.Addr, taken.Addr().String(), 1)
	wrong.redis = "redis://nobody:pw@" + redis.Addr
	require.NoError(t, taken.Close())
	bad, all = examined(t, &config.Notifier{}, wrong.environ())
	require.NotContains(t, all, ", lag: ", "nothing is known to compare with")
	bad = notMemory(bad)
	require.Len(t, bad, 2)
	require.Contains(t, bad[0], "can't be asked: ")
	require.Contains(t, bad[1], "Redis: Redis refuses the account")
}

// TestDoctorSaysThatTheIssuerIsAway and finds nothing else wrong with a single program.
func TestDoctorSaysThatTheIssuerIsAway(t *testing.T) {
	t.Parallel()
	bad, _ := examined(t, &config.Bellhop{}, []string{"BELLHOP_LISTEN=127.0.0.1:0", "BELLHOP_ADMIN_LISTEN=127.0.0.1:0",
		"BELLHOP_SERVICE_KEYS=forum=" + fleetKey, "BELLHOP_JWKS_URL=http://127.0.0.1:1/jwks", "BELLHOP_JWT_ISSUER=https://id.example", "BELLHOP_JWT_AUDIENCE=bellhop"})
	require.Regexp(t, "^keys of tokens: can't be read: ", bad[len(bad)-1])
}

func TestMemoryIsThatOfTheContainer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.Zero(t, containerMemory(dir))
	path := filepath.Join(dir, "memory.max")
	require.NoError(t, os.WriteFile(path, []byte("max\n"), 0o600))
	require.Zero(t, containerMemory(dir))
	require.NoError(t, os.WriteFile(path, []byte("536870912\n"), 0o600))
	require.EqualValues(t, 512<<20, containerMemory(dir))
	require.False(t, judgeMemory(512<<20, math.MaxInt64).Good())
	require.False(t, judgeMemory(512<<20, 513<<20).Good())
	require.True(t, judgeMemory(512<<20, 460<<20).Good())
	require.True(t, judgeMemory(0, math.MaxInt64).Good())
}
