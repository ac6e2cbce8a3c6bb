package store

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// Servers that the log can't be on are refused with one sentence that names what is
// wrong. These say of themselves what the real ones say.
func TestUnfitServersAreRefused(t *testing.T) {
	t.Parallel()
	good := map[string]string{"version": "8.4.3", "version_comment": "MySQL Community Server - GPL", "log_bin": "ON", "binlog_format": "ROW", "max_allowed_packet": "67108864"}
	require.NoError(t, fit(good))
	for name, test := range map[string]struct {
		said map[string]string
		want string // empty: it is fit
	}{
		"TiDB":                {map[string]string{"version": "8.0.11-TiDB-v8.5.1", "version_comment": "TiDB Server (Apache License 2.0)"}, "TiDB"},
		"Vitess":              {map[string]string{"version": "8.0.30-Vitess"}, "Vitess"},
		"PlanetScale":         {map[string]string{"version_comment": "PlanetScale"}, "PlanetScale"},
		"an old MySQL":        {map[string]string{"version": "8.0.21-log"}, "MySQL 8.0.21-log is too old: 8.0.22"},
		"an older MySQL":      {map[string]string{"version": "5.7.44"}, "too old"},
		"the oldest MySQL":    {map[string]string{"version": "8.0.22"}, ""},
		"the newest MySQL":    {map[string]string{"version": "9.7.4"}, ""},
		"an old MariaDB":      {map[string]string{"version": "10.5.29-MariaDB"}, "MariaDB 10.5.29-MariaDB is too old: 10.6"},
		"MariaDB in disguise": {map[string]string{"version": "5.5.5-10.11.19-MariaDB-0+deb12u1"}, ""},
		"MariaDB":             {map[string]string{"version": "11.4.2-MariaDB"}, ""},
		"XtraDB Cluster":      {map[string]string{"wsrep_on": "ON"}, "XtraDB Cluster was never tried"},
		"statements":          {map[string]string{"binlog_format": "STATEMENT"}, "binlog_format"},
		"without a log":       {map[string]string{"binlog_format": "STATEMENT", "log_bin": "OFF"}, ""},
		"small packets":       {map[string]string{"max_allowed_packet": "4194304"}, "max_allowed_packet"},
	} {
		said := maps.Clone(good)
		maps.Copy(said, test.said)
		if err := fit(said); test.want == "" {
			require.NoError(t, err, name)
		} else {
			require.ErrorContains(t, err, test.want, name)
		}
	}
}

// What makes a cluster one log is checked, and where it does not hold, operators hear of
// it, and each server is a log of its own.
func TestClustersAreOneLogWhereTheyKeepWhatTheyAcknowledged(t *testing.T) {
	t.Parallel()
	group := map[string]string{"group_replication_group_name": "G", "group_members": "3",
		"group_replication_single_primary_mode": "ON", "group_replication_consistency": "BEFORE_ON_PRIMARY_FAILOVER"}
	node := map[string]string{"wsrep_on": "ON", "wsrep_ready": "ON", "wsrep_cluster_status": "Primary", "wsrep_cluster_state_uuid": "U", "wsrep_gcomm_uuid": "N"}
	for name, test := range map[string]struct {
		said           map[string]string
		change         map[string]string
		identity       string
		want, contains string
	}{
		"a group":                {group, nil, IdentityAuto, "'group:G'", ""},
		"its members are secret": {group, map[string]string{"group_members": ""}, IdentityAuto, ownIdentity, "GRANT SELECT"},
		"several primaries":      {group, map[string]string{"group_replication_single_primary_mode": "OFF"}, IdentityAuto, ownIdentity, "single_primary"},
		"eventual":               {group, map[string]string{"group_replication_consistency": "EVENTUAL"}, IdentityAuto, ownIdentity, "EVENTUAL"},
		"forbidden":              {group, nil, IdentityServer, ownIdentity, ""},
		"named":                  {group, nil, IdentityCluster + "eu", "'cluster:eu'", ""},
		"galera":                 {node, nil, IdentityAuto, "'galera:U'", ""},
		"Aurora":                 {nil, map[string]string{"aurora_version": "3.08.0"}, IdentityAuto, ownIdentity, "mysql-identity"},
		"Aurora, named":          {nil, map[string]string{"aurora_version": "3.08.0"}, IdentityCluster + "eu", "'cluster:eu'", ""},
		"a server":               {nil, nil, IdentityAuto, ownIdentity, ""},
	} {
		said := map[string]string{}
		maps.Copy(said, test.said)
		maps.Copy(said, test.change)
		kind, err := kindOf(said, test.identity)
		require.NoError(t, err, name)
		require.Equal(t, test.want, kind.identity, name)
		require.Contains(t, kind.warning, test.contains, name)
		require.Equal(t, test.contains == "", kind.warning == "", name)
	}
	for _, lacks := range []map[string]string{{"wsrep_ready": "OFF"}, {"wsrep_cluster_status": "non-Primary"}} {
		said := maps.Clone(node)
		maps.Copy(said, lacks)
		_, err := kindOf(said, IdentityAuto)
		require.ErrorIs(t, err, ErrUnavailable)
	}
}

// A server whose settings come to be unfit is refused from the next connection on, and
// taken again when they are mended.
func TestServerThatComesToBeUnfitIsRefused(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			primary := testenv.PrivateMySQL(t, engine)
			database := primary.NewDatabase(t)
			d, err := OpenMySQL(t.Context(), MySQLConfig{Primary: primary.Primary.DSN(database)})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, d.Close()) })
			require.NoError(t, d.Migrate(t.Context()))
			for _, setting := range []struct{ name, bad, good string }{
				{"max_allowed_packet", "1048576", "16777216"},
				{"binlog_format", "'STATEMENT'", "'ROW'"},
			} {
				primary.Primary.Exec(t, "SET GLOBAL "+setting.name+" = "+setting.bad)
				d.primary.drop()
				err := d.Ready(t.Context())
				require.ErrorIs(t, err, ErrUnfit)
				require.ErrorIs(t, err, ErrUnavailable)
				require.ErrorContains(t, err, setting.name)
				primary.Primary.Exec(t, "SET GLOBAL "+setting.name+" = "+setting.good)
				require.NoError(t, d.Ready(t.Context()))
			}
		})
	}
}
