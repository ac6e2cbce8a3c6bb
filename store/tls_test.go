package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
)

// TestMySQLWithClientCertificates: the server is known by an authority of our own
// and demands a certificate by the same one, for all connections of the log, that
// of the migration included.
func TestMySQLWithClientCertificates(t *testing.T) {
	t.Parallel()
	certs := testenv.NewCertificates(t)
	cluster := testenv.PrivateMySQL(t, testenv.MariaDB(),
		testenv.ServerOption("--ssl-ca="+certs.CA),
		testenv.ServerOption("--ssl-cert="+certs.ServerCert),
		testenv.ServerOption("--ssl-key="+certs.ServerKey))
	database := cluster.NewDatabase(t)
	cluster.Primary.Exec(t, "ALTER USER bellhop REQUIRE X509")
	dsn := cluster.Primary.DSN(database)

	db := open(t, store.MySQLConfig{Primary: dsn, TLS: certs.Config(t, true)})
	require.NoError(t, db.Migrate(t.Context()))
	require.EqualValues(t, 1, post(t, db, channel, "1"))

	for name, cfg := range map[string]store.MySQLConfig{
		"in the clear":           {Primary: dsn},
		"without a certificate":  {Primary: dsn, TLS: certs.Config(t, false)},
		"another authority":      {Primary: dsn, TLS: testenv.NewCertificates(t).Config(t, true)},
		"the system's authority": {Primary: dsn + "?tls=true"},
	} {
		require.Error(t, open(t, cfg).CheckSchema(t.Context()), name)
	}
}
