package store_test

import (
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
)

// An account that lacks a right is refused with one sentence that names the right; also
// where it may not even see the schema, or may not change it.
func TestMissingRightsAreNamed(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			server := testenv.PrivateMySQL(t, engine)
			database, empty := server.NewDatabase(t), server.NewDatabase(t)
			require.NoError(t, open(t, store.MySQLConfig{Primary: server.Primary.DSN(database)}).Migrate(t.Context()))
			account := func(database string) *store.DB {
				t.Helper()
				cfg, err := mysql.ParseDSN(server.Primary.DSN(database))
				require.NoError(t, err)
				cfg.User, cfg.Passwd = "lacking", "secret"
				return open(t, store.MySQLConfig{Primary: cfg.FormatDSN()})
			}
			refused := func(err error, says string) {
				t.Helper()
				require.ErrorIs(t, err, store.ErrUnfit)
				require.ErrorIs(t, err, store.ErrUnavailable)
				require.ErrorContains(t, err, says)
			}
			server.Primary.Exec(t, "CREATE USER lacking@'%' IDENTIFIED BY 'secret'")
			refused(account(database).Ready(t.Context()), "Access denied for user 'lacking'")

			rights := []string{"SELECT", "INSERT", "UPDATE", "DELETE"}
			for _, right := range rights {
				server.Primary.Exec(t, "GRANT "+right+" ON "+database+".* TO lacking@'%'")
			}
			good := account(database)
			require.NoError(t, good.CheckRights(t.Context()))
			require.EqualValues(t, 1, post(t, good, channel, "1"))
			for _, right := range rights {
				server.Primary.Exec(t, "REVOKE "+right+" ON "+database+".* FROM lacking@'%'")
				refused(account(database).CheckRights(t.Context()), right+" command denied")
				server.Primary.Exec(t, "GRANT "+right+" ON "+database+".* TO lacking@'%'")
			}

			server.Primary.Exec(t, "GRANT SELECT, INSERT, UPDATE, DELETE ON "+empty+".* TO lacking@'%'")
			none := account(empty)
			require.NoError(t, none.CheckRights(t.Context()), "there are no tables yet")
			refused(none.Migrate(t.Context()), "CREATE command denied")
		})
	}
}
