package store

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
)

// What statements say instead of an expression that differs from server to server.
// A connection knows its server and puts in what is right there: the address of a
// pool may lead to another kind of server tomorrow.
const (
	identityMark = "{identity}" // what makes two servers one log
	ownMark      = "{own}"      // of this server alone
	refusalMark  = "{refusal}"  // why it takes no writes; empty: it does
)

// Expressions. Both engines skip the other's comments: MariaDB takes "/*M!" for its own
// and leaves out what is marked with the version numbers of MySQL 5.7 and later.
const (
	ownIdentity = "/*!80000 @@server_uuid */ /*M! CONCAT(@@server_id, '-', @@gtid_domain_id) */"
	// refusalFlags: a reader of Aurora says read_only = 0.
	refusalFlags = "IF(CONCAT(@@global.read_only) IN ('0', 'OFF'), NULL, 'read_only'), " +
		"IF(CONCAT(@@global.innodb_read_only) IN ('0', 'OFF'), NULL, 'innodb_read_only') " +
		"/*!80000 , IF(@@global.super_read_only, 'super_read_only', NULL), IF(@@global.offline_mode, 'offline_mode', NULL) */"
	// groupRefusal: a member that was started and has not joined takes writes, and one
	// without a majority calls itself the primary for as long as it is alone.
	groupRefusal = ", (SELECT IF(COALESCE(SUM(member_id = @@server_uuid AND member_state = 'ONLINE' AND member_role = 'PRIMARY'), 0) = 1" +
		" AND 2 * SUM(member_state IN ('ONLINE', 'RECOVERING')) > COUNT(*), NULL, 'not the primary of its group, or without a majority')" +
		" FROM " + groupMembers + ")"
	groupMembers = "performance_schema.replication_group_members"
)

// Identities of a log: how MySQLConfig.Identity is written.
const (
	IdentityAuto    = "auto"
	IdentityServer  = "server"
	IdentityCluster = "cluster:" // with a name behind it
)

// ErrUnfit says that the primary is a server that the log can't be on, and that waiting
// will not change it. Wraps with ErrUnavailable.
var ErrUnfit = errors.New("the primary can't hold the log")

// serverKind is what a server is, as far as the log has to know.
type serverKind struct {
	identity, refusal string // expressions
	node              string // of Galera, one life of it; else empty
	warning           string // for operators; empty: none
	marks             *strings.Replacer
}

// serverVariables are the global variables that tell one kind from another.
const serverVariables = "'version', 'version_comment', 'log_bin', 'binlog_format', 'max_allowed_packet', 'aurora_version', 'wsrep_on', " +
	"'group_replication_group_name', 'group_replication_single_primary_mode', 'group_replication_consistency'"

// inspect asks a server what it is.
func inspect(ctx context.Context, conn driver.QueryerContext, identity string, writes bool) (*serverKind, error) {
	said, err := pairs(ctx, conn, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ("+serverVariables+")")
	if err != nil {
		return nil, fmt.Errorf("ask the server what it is: %w", err)
	}
	if isOn(said["wsrep_on"]) {
		status, err := pairs(ctx, conn, "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_cluster_status', 'wsrep_cluster_state_uuid', 'wsrep_gcomm_uuid')")
		if err != nil {
			return nil, fmt.Errorf("ask the server for its cluster: %w", err)
		}
		maps.Copy(said, status)
	}
	if said["group_replication_group_name"] != "" {
		// Needs a right of its own, and is empty where it is switched off.
		members, err := pairs(ctx, conn, "SELECT 'group_members', COUNT(*) FROM "+groupMembers)
		if err == nil {
			said["group_members"] = members["group_members"]
		}
	}
	if writes {
		if err := fit(said); err != nil {
			return nil, fmt.Errorf("%w: %w: %w", ErrUnavailable, ErrUnfit, err)
		}
		if err := checkSession(ctx, conn); err != nil {
			return nil, err
		}
	}
	return kindOf(said, identity)
}

// checkSession reads back what the session was told: a proxy that shares connections
// between sessions may have told it to another one.
func checkSession(ctx context.Context, conn driver.QueryerContext) error {
	got, err := pairs(ctx, conn, "SELECT 'session', CONCAT_WS(' ', @@sql_mode, /*!80000 @@transaction_isolation */ /*M! @@tx_isolation */,"+
		" @@time_zone, @@innodb_lock_wait_timeout, @@autocommit + 0)")
	if err != nil {
		return fmt.Errorf("read the session back: %w", err)
	}
	if want := "STRICT_ALL_TABLES READ-COMMITTED +00:00 3 1"; got["session"] != want {
		return fmt.Errorf("%w: %w: sql_mode, isolation, time zone, lock wait and autocommit are %q, not %q as the session asked: is there a proxy that shares connections?",
			ErrUnavailable, ErrUnfit, got["session"], want)
	}
	return nil
}

// kindOf judges what a server said of itself.
func kindOf(said map[string]string, identity string) (*serverKind, error) {
	k := &serverKind{identity: ownIdentity, refusal: refusalFlags}
	cluster := ""
	switch group := said["group_replication_group_name"]; {
	case isOn(said["wsrep_on"]):
		if said["wsrep_ready"] != "ON" || said["wsrep_cluster_status"] != "Primary" {
			return nil, fmt.Errorf("%w: the node is not ready, or not in the primary component of its cluster", ErrUnavailable)
		}
		cluster, k.node = "galera:"+said["wsrep_cluster_state_uuid"], said["wsrep_gcomm_uuid"]
	case group == "":
	case cmp.Or(said["group_members"], "0") == "0":
		k.warning = "the account may not read " + groupMembers + ": a fail-over of Group Replication will reset all clients; GRANT SELECT on it"
	default:
		k.refusal += groupRefusal
		switch {
		case !isOn(said["group_replication_single_primary_mode"]):
			k.warning = "Group Replication has several primaries: a fail-over will reset all clients; set group_replication_single_primary_mode"
		case said["group_replication_consistency"] == "EVENTUAL":
			k.warning = "group_replication_consistency is EVENTUAL: a fail-over will reset all clients; set BEFORE_ON_PRIMARY_FAILOVER"
		default:
			cluster = "group:" + group
		}
	}
	if said["aurora_version"] != "" {
		k.warning = "Aurora does not say which cluster it is: a fail-over will reset all clients unless mysql-identity names the cluster"
	}
	switch {
	case identity == IdentityServer:
		k.warning = ""
	case strings.HasPrefix(identity, IdentityCluster):
		k.identity, k.warning = "'"+identity+"'", ""
	case cluster != "":
		k.identity = "'" + cluster + "'"
	}
	k.marks = strings.NewReplacer(identityMark, k.identity, ownMark, ownIdentity, refusalMark, "CONCAT_WS(', ', "+k.refusal+")")
	return k, nil
}

// minPacket is what the longest statement may need: 2 MiB of data, escaped, and as much
// for the largest event.
const minPacket = 8 << 20

// fit tells why a server can't hold the log, in one sentence.
func fit(said map[string]string) error {
	version, comment := said["version"], strings.ToLower(said["version"]+" "+said["version_comment"])
	mariadb := strings.Contains(comment, "mariadb")
	switch {
	case strings.Contains(comment, "tidb"):
		return errors.New("TiDB's shared locks may lock nothing, so that a new epoch would not end appends under way: use MySQL or MariaDB")
	case strings.Contains(comment, "vitess"), strings.Contains(comment, "planetscale"):
		return errors.New("behind Vitess or PlanetScale a transaction over several channels may span shards: use MySQL or MariaDB")
	case mariadb && !atLeast(strings.TrimPrefix(version, "5.5.5-"), 10, 6, 0):
		return fmt.Errorf("MariaDB %s is too old: 10.6 or newer is needed", version)
	case !mariadb && !atLeast(version, 8, 0, 22):
		return fmt.Errorf("MySQL %s is too old: 8.0.22 or newer is needed", version)
	case !mariadb && isOn(said["wsrep_on"]):
		return errors.New("a Percona XtraDB Cluster was never tried: use MariaDB's Galera, or Group Replication")
	case isOn(said["log_bin"]) && strings.EqualFold(said["binlog_format"], "STATEMENT"):
		return errors.New("binlog_format is STATEMENT, with which READ COMMITTED can't be replicated: set ROW")
	}
	if n, err := strconv.Atoi(said["max_allowed_packet"]); err != nil || n < minPacket {
		return fmt.Errorf("max_allowed_packet is %q: at least %d is needed", said["max_allowed_packet"], minPacket)
	}
	return nil
}

// atLeast compares the numbers that a version begins with.
func atLeast(version string, want ...int) bool {
	parts := strings.SplitN(version, ".", len(want))
	for i, w := range want {
		n := 0
		if i < len(parts) {
			digits := parts[i]
			if end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
				digits = digits[:end]
			}
			n, _ = strconv.Atoi(digits) // none: 0
		}
		if n != w {
			return n > w
		}
	}
	return true
}

func isOn(value string) bool { return value == "ON" || value == "1" }

// pairs runs a query of two columns.
func pairs(ctx context.Context, conn driver.QueryerContext, query string) (found map[string]string, err error) {
	rows, err := conn.QueryContext(ctx, query, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	found = map[string]string{}
	row := make([]driver.Value, len(rows.Columns()))
	for {
		err := rows.Next(row)
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		found[text(row[0])] = text(row[1])
	}
}

func text(v driver.Value) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(v)
}
