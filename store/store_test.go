//nolint:thelper // a Factory reports by its own lines
package store_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
	"github.com/bellhop/bellhop/store/storetest"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		path := filepath.Join(t.TempDir(), "log ?#%.db") // characters that a URI would take for its own
		db, err := store.OpenSQLite(t.Context(), path)
		require.NoError(t, err)
		raw, err := sql.Open("sqlite", "file:"+filepath.Dir(path)+"/log%20%3F%23%25.db?_pragma=busy_timeout(3000)")
		require.NoError(t, err)
		t.Cleanup(func() {
			require.NoError(t, raw.Close())
			require.NoError(t, db.Close())
		})
		return storetest.Harness{DB: db, SQL: raw}
	})
}

func TestMySQL(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			cluster := testenv.MySQL(t, engine)
			storetest.Run(t, func(t *testing.T) storetest.Harness {
				return openCluster(t, cluster, store.MySQLConfig{})
			})
		})
	}
}

// openCluster makes a database on a cluster and a log in it, with both servers
// unless cfg names others.
func openCluster(t *testing.T, cluster *testenv.Cluster, cfg store.MySQLConfig) storetest.Harness {
	t.Helper()
	name := cluster.NewDatabase(t)
	if cfg.Primary == "" {
		cfg.Primary, cfg.Replicas = cluster.Primary.DSN(name), []string{cluster.Replica.DSN(name)}
	}
	db, err := store.OpenMySQL(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.Migrate(t.Context()))
	raw, err := sql.Open("mysql", cluster.Primary.DSN(name))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, raw.Close()) })
	return storetest.Harness{DB: db, SQL: raw}
}
