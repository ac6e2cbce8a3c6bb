package config

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryWrongSettingIsOneLine goes through what can be wrong with each
// setting. There is one line for it, which names the setting and holds no secret.
func TestEveryWrongSettingIsOneLine(t *testing.T) {
	t.Parallel()
	badPolicies := filepath.Join(t.TempDir(), "policies.yaml")
	require.NoError(t, os.WriteFile(badPolicies, []byte("namespaces:\n  user:\n    acces: owner\n"), 0o600))

	gateway := func() (Program, []string) { return &Gateway{}, goodGateway() }
	notifier := func() (Program, []string) { return &Notifier{}, goodNotifier() }
	bellhop := func() (Program, []string) { return &Bellhop{}, nil }
	tests := []struct {
		program func() (Program, []string)
		set     string // the wrong setting, as variable=value
		want    string
	}{
		{gateway, "BELLHOP_LISTEN=8080", "--listen (BELLHOP_LISTEN): want host:port or :port, not \"8080\""},
		{gateway, "BELLHOP_LISTEN=:http", "--listen (BELLHOP_LISTEN): the port of \":http\" is not a number from 0 to 65535"},
		{gateway, "BELLHOP_LISTEN=:65536", "--listen (BELLHOP_LISTEN): the port of \":65536\" is not a number from 0 to 65535"},
		{gateway, "BELLHOP_ADMIN_LISTEN=x", "--admin-listen (BELLHOP_ADMIN_LISTEN): want host:port or :port, not \"x\""},
		{gateway, "BELLHOP_ADMIN_LISTEN=:8080", "--admin-listen (BELLHOP_ADMIN_LISTEN): :8080 is the public listener's address too"},
		{gateway, "BELLHOP_MYSQL_PRIMARY=", "--mysql-primary (BELLHOP_MYSQL_PRIMARY): is required"},
		{gateway, "BELLHOP_MYSQL_PRIMARY=hunter2", "--mysql-primary (BELLHOP_MYSQL_PRIMARY): does not parse: want user:password@tcp(host:3306)/database"},
		{gateway, "BELLHOP_MYSQL_PRIMARY=u:hunter2@tcp(h)/", "--mysql-primary (BELLHOP_MYSQL_PRIMARY): names no database: want user:password@tcp(host:3306)/database"},
		{gateway, "BELLHOP_MYSQL_REPLICAS=hunter2", "--mysql-replicas (BELLHOP_MYSQL_REPLICAS): does not parse: want user:password@tcp(host:3306)/database"},
		{gateway, "BELLHOP_MYSQL_POOL=0", "--mysql-pool (BELLHOP_MYSQL_POOL): 0 is out of range, want 1 to 1000"},
		{gateway, "BELLHOP_MYSQL_POOL=many", "--mysql-pool (BELLHOP_MYSQL_POOL): want a whole number, not \"many\""},
		{gateway, "BELLHOP_REDIS=", "--redis (BELLHOP_REDIS): is required"},
		{gateway, "BELLHOP_JWT_SECRET=", "--jwt-secret (BELLHOP_JWT_SECRET): is required"},
		{gateway, "BELLHOP_JWT_SECRET=hunter2", "--jwt-secret (BELLHOP_JWT_SECRET): secret 1: invalid token key: a secret has at least 32 bytes"},
		{gateway, "BELLHOP_POLICIES=" + badPolicies, "--policies (BELLHOP_POLICIES): policy file " + badPolicies},
		{gateway, "BELLHOP_POLICIES=/nowhere.yaml", "--policies (BELLHOP_POLICIES): policy file: open /nowhere.yaml: no such file or directory"},
		{gateway, "BELLHOP_COOKIE_SAME_SITE=strict", `--cookie-same-site (BELLHOP_COOKIE_SAME_SITE): want lax or none, not "strict"`},
		{gateway, "BELLHOP_CORS_ORIGINS=app.example.com", "--cors-origins (BELLHOP_CORS_ORIGINS): not a web origin such as https://app.example.com: app.example.com"},
		{gateway, "BELLHOP_HEARTBEAT=20", "--heartbeat (BELLHOP_HEARTBEAT): want a duration with its unit, such as 20s or 30m, not \"20\""},
		{gateway, "BELLHOP_HEARTBEAT=1h", "--heartbeat (BELLHOP_HEARTBEAT): 1h0m0s is out of range, want 100ms to 5m0s"},
		{gateway, "BELLHOP_STREAM_MAX_AGE=1ms", "--stream-max-age (BELLHOP_STREAM_MAX_AGE): 1ms is out of range, want 1s to 24h0m0s"},
		{gateway, "BELLHOP_DRAIN=-1s", "--drain (BELLHOP_DRAIN): -1s is out of range, want 0s to 10m0s"},
		{gateway, "BELLHOP_MAX_STREAMS=-1", "--max-streams (BELLHOP_MAX_STREAMS): -1 is out of range, want 0 or more"},
		{gateway, "BELLHOP_SLOW_TIMEOUT=0s", "--slow-timeout (BELLHOP_SLOW_TIMEOUT): 0s is out of range, want 100ms to 10m0s"},
		{gateway, "BELLHOP_LOG_LEVEL=loud", "--log-level (BELLHOP_LOG_LEVEL): want debug, info, warn or error, not \"loud\""},
		{gateway, "BELLHOP_LOG_FORMAT=xml", "--log-format (BELLHOP_LOG_FORMAT): want text or json, not \"xml\""},
		{notifier, "BELLHOP_SERVICE_KEYS=", "--service-keys (BELLHOP_SERVICE_KEYS): is required"},
		{notifier, "BELLHOP_SERVICE_KEYS=hunter2", "--service-keys (BELLHOP_SERVICE_KEYS): key 1: invalid service key"},
		{bellhop, "BELLHOP_SQLITE=/nowhere/bellhop.db", "--sqlite (BELLHOP_SQLITE): the folder /nowhere does not exist"},
		{bellhop, "BELLHOP_DEMO=maybe", "--demo (BELLHOP_DEMO): want auto, on or off, not \"maybe\""},
		{bellhop, "BELLHOP_LISTEN=:8080", "--jwt-secret (BELLHOP_JWT_SECRET): is required, because there is no demo"},
	}
	for _, bad := range []string{"hunter2", "http://:hunter2@redis:6379", "redis://:hunter2@redis:port", "redis://:hunter2@redis/x",
		"redis://:hunter2/3@redis:6379", "redis+sentinel://:hunter2@s1:26379", "redis+cluster://:hunter2@c1", "rediss://%zz:hunter2@redis"} {
		tests = append(tests, struct {
			program func() (Program, []string)
			set     string
			want    string
		}{gateway, "BELLHOP_REDIS=" + bad, "--redis (BELLHOP_REDIS): "})
	}
	for _, tt := range tests {
		t.Run(tt.set, func(t *testing.T) {
			t.Parallel()
			program, environ := tt.program()
			_, err := Parse(program, nil, append(environ, tt.set), io.Discard)
			var wrong SettingErrors
			require.ErrorAs(t, err, &wrong)
			require.Contains(t, wrong[0], tt.want)
			require.NotContains(t, err.Error(), "hunter2")
			require.NotContains(t, wrong[0], "\n")
			if _, all := program.(*Bellhop); !all { // without the demo it needs two keys
				require.Len(t, wrong, 1)
			}
		})
	}
}

// TestOneWrongSettingDoesNotHideAnother whose name begins in the same way, nor is
// it told twice, and what it says stays on its line.
func TestOneWrongSettingDoesNotHideAnother(t *testing.T) {
	t.Parallel()
	_, err := Parse(&Notifier{}, []string{"epoch", "new"}, []string{"BELLHOP_MYSQL_PRIMARY_FILE=/nowhere"}, io.Discard)
	require.EqualError(t, err, "--mysql-primary (BELLHOP_MYSQL_PRIMARY): BELLHOP_MYSQL_PRIMARY_FILE: open /nowhere: no such file or directory")

	var wrong SettingErrors
	wrong.addf("redis-tls-ca", "two\nlines")
	wrong.require("redis", false, "")
	wrong.require("redis", false, "")
	require.EqualError(t, wrong, "--redis-tls-ca (BELLHOP_REDIS_TLS_CA): two; lines\n--redis (BELLHOP_REDIS): is required")
}

func TestWrongFlagsAreOneLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--hartbeat=1s"}, `unknown flag --hartbeat, did you mean "--heartbeat"?`},
		{[]string{"--heartbeat"}, "--heartbeat: missing value"},
		{[]string{"serve"}, "unexpected argument serve"},
	} {
		_, err := Parse(&Bellhop{}, tt.args, nil, io.Discard)
		var wrong SettingErrors
		require.ErrorAs(t, err, &wrong)
		require.Len(t, wrong, 1)
		require.Contains(t, wrong[0], tt.want)
	}
}

// TestDemoStaysOnThisMachine: it signs anybody in, so it is never on by itself
// where others can connect, and never beside the key of real tokens.
func TestDemoStaysOnThisMachine(t *testing.T) {
	t.Parallel()
	configured := []string{"BELLHOP_JWT_SECRET=" + goodSecret, "BELLHOP_SERVICE_KEYS=forum=abcdefghijklmnop"}
	for _, tt := range []struct {
		name    string
		environ []string
		demo    bool
	}{
		{"loopback", nil, true},
		{"loopback by name", []string{"BELLHOP_LISTEN=localhost:80"}, true},
		{"loopback, IPv6", []string{"BELLHOP_LISTEN=[::1]:80"}, true},
		{"switched off", append([]string{"BELLHOP_DEMO=off"}, configured...), false},
		{"key configured", configured, false},
		{"everywhere", append([]string{"BELLHOP_LISTEN=:80"}, configured...), false},
		{"another host", append([]string{"BELLHOP_LISTEN=10.0.0.1:80"}, configured...), false},
		{"everywhere, and asked for", []string{"BELLHOP_LISTEN=:80", "BELLHOP_DEMO=on"}, true},
	} {
		var b Bellhop
		_, err := Parse(&b, nil, tt.environ, io.Discard)
		require.NoError(t, err, tt.name)
		require.Equal(t, tt.demo, b.WithDemo(), tt.name)
	}
	_, err := Parse(&Bellhop{}, nil, append([]string{"BELLHOP_DEMO=on"}, configured...), io.Discard)
	require.EqualError(t, err, "--demo (BELLHOP_DEMO): signs everybody in as anybody, so it cannot be on together with the key of real tokens")
	_, err = Parse(&Bellhop{}, nil, []string{"BELLHOP_DEMO=off"}, io.Discard)
	require.EqualError(t, err, "--jwt-secret (BELLHOP_JWT_SECRET): is required, because there is no demo: --demo (BELLHOP_DEMO) is off\n"+
		"--service-keys (BELLHOP_SERVICE_KEYS): is required, because there is no demo: --demo (BELLHOP_DEMO) is off")
	_, err = Parse(&Bellhop{}, nil, []string{"BELLHOP_LISTEN=:80"}, io.Discard)
	require.ErrorContains(t, err, "is required, because there is no demo: --listen (BELLHOP_LISTEN) lets other machines in")
}

// TestAKeyThatIsLeftOverIsNamed: the terminal in which somebody tried something else
// may have one.
func TestAKeyThatIsLeftOverIsNamed(t *testing.T) {
	t.Parallel()
	for variable, flag := range map[string]string{
		"BELLHOP_JWT_SECRET": "--jwt-secret (BELLHOP_JWT_SECRET)", "BELLHOP_ISSUERS": "--issuers (BELLHOP_ISSUERS)",
	} {
		value := goodSecret
		if variable == "BELLHOP_ISSUERS" {
			value = file(t, "issuers: [{name: a, issuer: 'https://a.example', audience: b, jwks_url: 'https://a.example/keys'}]")
		}
		_, err := Parse(&Bellhop{}, nil, []string{variable + "=" + value}, io.Discard)
		require.EqualError(t, err, "--service-keys (BELLHOP_SERVICE_KEYS): is required, because there is no demo: "+
			flag+" is set; for the demo: unset "+variable)
	}
}
