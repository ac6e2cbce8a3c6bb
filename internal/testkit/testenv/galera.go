package testenv

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// galeraLibrary comes with Debian's mariadb-server.
const galeraLibrary = "/usr/lib/galera/libgalera_smm.so"

// GaleraNode starts a MariaDB that is a Galera cluster of its own, of one node, with an
// empty schema, whose name it returns.
func GaleraNode(tb testing.TB) (node *SQLServer, database string) {
	tb.Helper()
	_, err := os.Stat(galeraLibrary)
	require.NoError(tb, err, "install the package galera-4")
	group, err := reservePort()
	require.NoError(tb, err)
	tb.Cleanup(group.release)
	o := options{server: []string{
		"--wsrep-on=ON", "--wsrep-provider=" + galeraLibrary, "--wsrep-cluster-address=gcomm://",
		"--wsrep-node-address=127.0.0.1", "--innodb-autoinc-lock-mode=2",
		fmt.Sprintf("--wsrep-provider-options=base_host=127.0.0.1;base_port=%d;gmcast.listen_addr=tcp://127.0.0.1:%d;gcache.size=16M", group.number, group.number),
	}}
	err = fromTemplate(MariaDB(), func(template string) (err error) {
		node, err = newSQLServer(MariaDB(), template, rand.Uint32N(1<<31)+1, o)
		return err
	})
	require.NoError(tb, err)
	tb.Cleanup(node.remove)
	ctx, cancel := context.WithTimeout(tb.Context(), startTimeout)
	defer cancel()
	require.NoError(tb, poll(nil, func() error {
		var name, ready string
		err := node.admin.QueryRowContext(ctx, "SHOW STATUS WHERE Variable_name = 'wsrep_ready' AND Value = 'ON'").Scan(&name, &ready)
		if errors.Is(err, sql.ErrNoRows) {
			return errors.New("the node is not ready")
		}
		return err
	}))
	require.NoError(tb, node.createAccounts(ctx))
	database = databasePrefix + "galera"
	node.Exec(tb, "CREATE DATABASE "+database+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
	return node, database
}
