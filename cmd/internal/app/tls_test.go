package app

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestProgramsOverTLSWithSecretsFromFiles: gateway and notifier as they run in
// earnest: database and Redis know them by certificate and password, every secret
// comes from a file, and none of them is printed.
func TestProgramsOverTLSWithSecretsFromFiles(t *testing.T) {
	t.Parallel()
	const redisPassword = "the-password-of-redis"
	certs := testenv.NewCertificates(t)
	cluster := testenv.PrivateMySQL(t, testenv.MariaDB(),
		testenv.ServerOption("--ssl-ca="+certs.CA),
		testenv.ServerOption("--ssl-cert="+certs.ServerCert),
		testenv.ServerOption("--ssl-key="+certs.ServerKey))
	database := cluster.NewDatabase(t)
	cluster.Primary.Exec(t, "ALTER USER bellhop REQUIRE X509")
	cluster.WaitCaughtUp(t)
	redis := testenv.Redis(t)
	_, port, err := net.SplitHostPort(redis.Addr)
	require.NoError(t, err)
	require.NoError(t, redis.Client().Do(t.Context(), "CONFIG", "SET",
		"tls-cert-file", certs.ServerCert, "tls-key-file", certs.ServerKey, "tls-ca-cert-file", certs.CA,
		"tls-auth-clients", "yes", "port", "0", "tls-port", port, "requirepass", redisPassword).Err())

	secrets := map[string]string{
		"MYSQL_PRIMARY":  cluster.Primary.DSN(database),
		"MYSQL_REPLICAS": cluster.Replica.DSN(database),
		"REDIS":          "rediss://:" + redisPassword + "@" + redis.Addr,
		"JWT_SECRET":     fleetSecret,
		"SERVICE_KEYS":   "forum=" + fleetKey,
	}
	environ := []string{"BELLHOP_LISTEN=127.0.0.1:0", "BELLHOP_ADMIN_LISTEN=127.0.0.1:0", "BELLHOP_LOG_FORMAT=text", "BELLHOP_LOG_LEVEL=debug"}
	for _, server := range []string{"MYSQL", "REDIS"} {
		environ = append(environ, "BELLHOP_"+server+"_TLS_CA="+certs.CA,
			"BELLHOP_"+server+"_TLS_CERT="+certs.ClientCert, "BELLHOP_"+server+"_TLS_KEY="+certs.ClientKey)
	}
	var hidden []string
	dir := t.TempDir()
	for name, value := range secrets {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(value+"\n"), 0o600))
		environ = append(environ, "BELLHOP_"+name+"_FILE="+path)
		hidden = append(hidden, testenv.Secrets("BELLHOP_"+name+"="+value)...)
	}
	require.Len(t, hidden, len(secrets))

	_, notifierLog, notifier := launch(t, "notifier", nil, environ)
	_, gatewayLog, gateway := launch(t, "gateway", nil, environ)
	s := openStream(t, gateway, "topic:a", "Authorization", "Bearer "+signed(t, "mina", time.Now()))
	s.waitFor("event: bellhop.ready")
	code, answer := post(t, notifier+"/v1/events", `{"channels":["user:mina"],"type":"x","data":"through"}`, "Authorization", "Bearer "+fleetKey)
	require.Equal(t, http.StatusCreated, code, answer)
	s.waitFor("through")
	for _, log := range []*console{notifierLog, gatewayLog} {
		testenv.NoSecrets(t, "a log", log.String(), hidden...)
	}
}
