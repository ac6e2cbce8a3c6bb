package config

import (
	"bytes"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	goodDSN    = "bellhop:pa:ss@tcp(db:3306)/bellhop"
	goodSecret = "0123456789abcdef0123456789abcdef"
	goodRedis  = "redis://:pw@redis:6379"
)

// goodGateway is an environment that a gateway starts with.
func goodGateway(more ...string) []string {
	return append([]string{
		"BELLHOP_MYSQL_PRIMARY=" + goodDSN,
		"BELLHOP_REDIS=" + goodRedis,
		"BELLHOP_JWT_SECRET=" + goodSecret,
	}, more...)
}

func goodNotifier(more ...string) []string {
	return append([]string{
		"BELLHOP_MYSQL_PRIMARY=" + goodDSN,
		"BELLHOP_REDIS=" + goodRedis,
		"BELLHOP_SERVICE_KEYS=forum=abcdefghijklmnop",
	}, more...)
}

func TestZeroTurnsALimitOff(t *testing.T) {
	t.Parallel()
	var g Gateway
	_, err := Parse(&g, nil, goodGateway("BELLHOP_STREAM_MAX_AGE=0", "BELLHOP_DRAIN=0s"), io.Discard)
	require.NoError(t, err)
	require.Zero(t, g.MaxAge)
	require.Zero(t, g.Drain)
}

func TestLogsHaveTheFormThatWasAskedFor(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{"json": `"level":"WARN","msg":"hello"`, "text": `level=WARN msg=hello`} {
		var log bytes.Buffer
		logger := (&Logging{LogFormat: format}).Logger(&log, slog.LevelWarn)
		logger.Info("unheard")
		logger.Warn("hello")
		require.Contains(t, log.String(), want)
		require.NotContains(t, log.String(), "unheard")
	}
}

func TestDefaultsAreThoseOfEachProgram(t *testing.T) {
	t.Parallel()
	var g Gateway
	result, err := Parse(&g, nil, goodGateway(), io.Discard)
	require.NoError(t, err)
	require.Equal(t, "run", result.Command)
	require.Equal(t, ":8080", g.Listen)
	require.Equal(t, "127.0.0.1:9090", g.AdminListen)
	require.Equal(t, 20*time.Second, g.Heartbeat)
	require.Equal(t, 30*time.Minute, g.MaxAge)
	require.Equal(t, 15*time.Second, g.Drain)
	require.Equal(t, 30*time.Second, g.SlowTimeout)
	require.Zero(t, g.MaxStreams)
	_, ok := g.Namespaces.Lookup("user")
	require.True(t, ok, "the built-in policies hold")

	var n Notifier
	_, err = Parse(&n, nil, goodNotifier(), io.Discard)
	require.NoError(t, err)
	require.Equal(t, ":8081", n.Listen)
	require.Equal(t, "127.0.0.1:9091", n.AdminListen)
	require.Equal(t, 1, n.Keys().Len())

	var b Bellhop
	_, err = Parse(&b, nil, nil, io.Discard)
	require.NoError(t, err, "bellhop needs no settings")
	require.Equal(t, "127.0.0.1:8080", b.Listen)
	require.Equal(t, "bellhop.db", b.SQLite.SQLite)
	require.True(t, b.WithDemo())
}

func TestFlagWinsOverVariable(t *testing.T) {
	t.Parallel()
	var g Gateway
	_, err := Parse(&g, []string{"--heartbeat=7s"}, goodGateway("BELLHOP_HEARTBEAT=9s", "BELLHOP_DRAIN=3s"), io.Discard)
	require.NoError(t, err)
	require.Equal(t, 7*time.Second, g.Heartbeat)
	require.Equal(t, 3*time.Second, g.Drain)
}

func TestEmptyVariableCountsAsNotSet(t *testing.T) {
	t.Parallel()
	var g Gateway
	_, err := Parse(&g, nil, goodGateway("BELLHOP_HEARTBEAT=", "BELLHOP_MYSQL_REPLICAS="), io.Discard)
	require.NoError(t, err)
	require.Equal(t, 20*time.Second, g.Heartbeat)
	require.Empty(t, g.Replicas())
}

func TestListsAreSplitAtCommas(t *testing.T) {
	t.Parallel()
	var g Gateway
	_, err := Parse(&g, nil, goodGateway(
		"BELLHOP_MYSQL_REPLICAS=a@tcp(r1:3306)/bellhop,a@tcp(r2:3306)/bellhop",
		"BELLHOP_CORS_ORIGINS=https://a.example,https://b.example:8443",
		"BELLHOP_JWT_SECRET="+goodSecret+", new-"+goodSecret,
	), io.Discard)
	require.NoError(t, err)
	require.Equal(t, []string{"a@tcp(r1:3306)/bellhop", "a@tcp(r2:3306)/bellhop"}, g.Replicas())
	require.Equal(t, []string{goodSecret, "new-" + goodSecret}, g.TokenConfig().Issuers[0].Secrets)
	require.True(t, g.Origins.Listed("https://b.example:8443"))

	var spaced Gateway
	_, err = Parse(&spaced, nil, goodGateway(
		"BELLHOP_MYSQL_REPLICAS=a@tcp(r1:3306)/bellhop, a@tcp(r2:3306)/bellhop",
		"BELLHOP_CORS_ORIGINS=https://a.example, https://b.example:8443 ,capacitor://localhost",
		"BELLHOP_TRUSTED_PROXIES=10.0.0.0/8, 192.0.2.1",
	), io.Discard)
	require.NoError(t, err, "people put spaces after commas")
	require.Equal(t, g.Replicas(), spaced.Replicas())
	require.True(t, spaced.Origins.Listed("https://b.example:8443"))
	require.Len(t, spaced.Proxies, 2)
}

func TestSubcommandsNeedOnlyTheirOwnSettings(t *testing.T) {
	t.Parallel()
	db := "--mysql-primary=" + goodDSN
	for _, tt := range []struct {
		program Program
		args    []string
		command string
	}{
		{&Notifier{}, []string{"migrate", db}, "migrate"},
		{&Notifier{}, []string{"epoch", "new", db}, "epoch new"},
		{&Notifier{}, []string{"epoch", "keep", db}, "epoch keep"},
		{&Notifier{}, []string{"health"}, "health"},
		{&Gateway{}, []string{"health", "--listen=:1234"}, "health"},
		{&Bellhop{}, []string{"health"}, "health"},
	} {
		result, err := Parse(tt.program, tt.args, nil, io.Discard)
		require.NoError(t, err, tt.args)
		require.Equal(t, tt.command, result.Command)
	}
}

func TestHelpExplainsEverySetting(t *testing.T) {
	t.Parallel()
	for _, program := range []Program{&Gateway{}, &Notifier{}, &Bellhop{}} {
		var help bytes.Buffer
		_, err := Parse(program, []string{"--help"}, nil, &help)
		require.ErrorIs(t, err, ErrHelp)
		for _, s := range settings(program) {
			require.Contains(t, help.String(), "--"+s.Name+"=", "%s has no place in the help", s.Name)
			require.Contains(t, help.String(), "["+Variable(s.Name), "%s lacks its variable", s.Name)
			require.NotEmpty(t, s.Help, "%s is not explained", s.Name)
			require.NotNil(t, s.Group, "%s stands in no group", s.Name)
		}
	}
}

func TestUnknownVariablesAreReported(t *testing.T) {
	t.Parallel()
	var b Bellhop
	result, err := Parse(&b, nil, []string{
		"BELLHOP_HEARTBAET=1s",                    // misspelt
		"BELLHOP_REDIS=redis://elsewhere",         // another program's: one file serves all
		"BELLHOP_TEST_MYSQLD=/usr/sbin/mysqld",    // of the tests
		"BELLHOP_PORT=tcp://10.0.0.1:80",          // Kubernetes, for a service "bellhop"
		"BELLHOP_GATEWAY_SERVICE_HOST=10.0.0.1",   // the same
		"BELLHOP_GATEWAY_PORT_80_TCP_PROTO=proto", // the same
		"BELLHOP_NOTHING=",                        // not set
		"HOME=/root",
	}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, []string{"BELLHOP_HEARTBAET"}, result.Unknown)
}

func TestAllProblemsAreListedAtOnce(t *testing.T) {
	t.Parallel()
	var g Gateway
	_, err := Parse(&g, nil, []string{"BELLHOP_HEARTBEAT=soon", "BELLHOP_LISTEN=here"}, io.Discard)
	var wrong SettingErrors
	require.ErrorAs(t, err, &wrong)
	require.Len(t, wrong, 5)
	for _, name := range []string{"BELLHOP_HEARTBEAT", "BELLHOP_LISTEN", "BELLHOP_MYSQL_PRIMARY", "BELLHOP_REDIS", "BELLHOP_JWT_SECRET"} {
		require.Equal(t, 1, strings.Count(err.Error(), name), err)
	}
}

// TestAttackersAreLimitedByDefault: nobody has to switch on what keeps one person,
// or one address, from taking everything.
func TestAttackersAreLimitedByDefault(t *testing.T) {
	t.Parallel()
	var g Gateway
	_, err := Parse(&g, nil, goodGateway(), io.Discard)
	require.NoError(t, err)
	require.Positive(t, g.UserStreams)
	require.Positive(t, g.AddressStreams)
	require.Positive(t, g.AddressRate)
	require.Empty(t, g.Proxies, "and nobody is believed about addresses")
	admin, err := netip.ParseAddrPort(g.AdminListen)
	require.NoError(t, err)
	require.True(t, admin.Addr().IsLoopback())
}
