package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/relay"
)

// MySQL is where the log lives.
type MySQL struct {
	MySQLPrimary  Secret   `name:"mysql-primary" placeholder:"DSN" help:"The primary, as a DSN of go-sql-driver: user:password@tcp(host:3306)/bellhop. The program sets the parameters that it needs by itself."`
	MySQLReplicas []Secret `name:"mysql-replicas" placeholder:"DSN" sep:"," help:"Read replicas, comma-separated. A replica that does not answer is skipped, and tried again later."`
	MySQLTLS      TLSFiles `embed:"" prefix:"mysql-tls-"`
	MySQLIdentity string   `name:"mysql-identity" placeholder:"auto|server|cluster:NAME" default:"auto" help:"Which servers count as one log, so that a fail-over between them begins no epoch and resets no client. auto: the members of Group Replication, and the nodes of a Galera cluster. cluster:NAME: all servers behind the address, for a cluster that loses nothing but does not say which cluster it is (Aurora). server: each server is a log of its own. All programs need the same value."`
	MySQLPool     int      `name:"mysql-pool" placeholder:"N" default:"4" help:"The most connections to each server. Open streams need none, so a few are enough."`
}

// identity is what the log's column has room for, and safe as a text of SQL.
var identity = regexp.MustCompile(`^(auto|server|cluster:[A-Za-z0-9_.-]{1,40})$`)

func (m *MySQL) check(p *SettingErrors) {
	p.require("mysql-primary", m.MySQLPrimary != "", "")
	if m.MySQLPrimary != "" {
		checkDSN(p, "mysql-primary", m.MySQLPrimary)
	}
	for _, dsn := range m.MySQLReplicas {
		checkDSN(p, "mysql-replicas", dsn)
	}
	m.MySQLTLS.check(p, "mysql-tls-")
	if !identity.MatchString(m.MySQLIdentity) {
		p.addf("mysql-identity", "%q: want auto, server, or cluster: with a name of up to 40 letters, digits and _ . -", m.MySQLIdentity)
	}
	if (m.MySQLPool < 1 || m.MySQLPool > 1000) && !p.has("mysql-pool") {
		p.addf("mysql-pool", "%d is out of range, want 1 to 1000", m.MySQLPool)
	}
}

// Replicas returns the replicas' DSNs.
func (m *MySQL) Replicas() []string {
	dsns := make([]string, len(m.MySQLReplicas))
	for i, s := range m.MySQLReplicas {
		dsns[i] = s.Reveal()
	}
	return trimmed(dsns)
}

func checkDSN(p *SettingErrors, flag string, dsn Secret) {
	c, err := mysql.ParseDSN(dsn.Reveal())
	switch {
	case err != nil:
		// The driver's own reason is left out: it quotes what it took for a
		// parameter, and that may be part of the password.
		p.addf(flag, "does not parse: want user:password@tcp(host:3306)/database")
	case c.DBName == "":
		p.addf(flag, "names no database: want user:password@tcp(host:3306)/database")
	}
}

// Redis is where the bus runs, and where channels with "log: redis" are kept.
type Redis struct {
	Redis    Secret   `placeholder:"URL" help:"The bus, and the log of namespaces with log: redis. redis://host:6379, rediss:// for TLS, redis+sentinel://host:port,host:port/master, or redis+cluster://host:port,host:port."`
	RedisTLS TLSFiles `embed:"" prefix:"redis-tls-"`
	Pubsub   string   `name:"redis-pubsub" placeholder:"KIND" default:"auto" help:"Pub/Sub of a Redis Cluster. sharded: an event goes to the master of its channel's slot and from there to the gateways that listen, which needs Redis 7 or Valkey. classic: every node gets every event. auto: sharded if every node supports it. both: listen as auto does, and publish both ways; use it while you replace gateways that listen to the other kind."`
}

func (r *Redis) check(p *SettingErrors) {
	p.require("redis", r.Redis != "", "")
	r.RedisTLS.check(p, "redis-tls-")
	switch fanout.Pubsub(r.Pubsub) {
	case fanout.PubsubAuto, fanout.PubsubClassic, fanout.PubsubSharded, fanout.PubsubBoth:
	default:
		p.addf("redis-pubsub", "%q is not known, want auto, classic, sharded or both", r.Pubsub)
	}
	if r.Redis == "" {
		return
	}
	if r.RedisTLS.config != nil && !strings.HasPrefix(r.Redis.Reveal(), "rediss") {
		p.addf("redis", "is an address without TLS, so --redis-tls-* would have no effect: want rediss://")
		return
	}
	if err := fanout.CheckRedis(r.Redis.Reveal()); err != nil {
		// As above: what an address is said to lack may be a part of its password.
		p.addf("redis", "does not parse: want redis://host:port, rediss://host:port, "+
			"redis+sentinel://host:port,host:port/master or redis+cluster://host:port,host:port")
	}
}

// SQLite is the embedded log.
type SQLite struct {
	SQLite string `name:"sqlite" placeholder:"FILE" default:"bellhop.db" help:"Database file of the embedded log. It is made if it is missing. Only one process at a time can use it."`
}

func (s *SQLite) check(p *SettingErrors) {
	if s.SQLite == "" {
		p.addf("sqlite", "is required")
		return
	}
	if folder := filepath.Dir(s.SQLite); !isFolder(folder) {
		p.addf("sqlite", "the folder %s does not exist", folder)
	}
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Outbox is where a product writes its events in its own transactions.
type Outbox struct {
	Outbox      Secret   `placeholder:"DSN" help:"The product's own MySQL or MariaDB with the outbox that is published from here, as a DSN of go-sql-driver: user:password@tcp(host:3306)/shop. Several processes may have the same one; one of them works. Without it no outbox is published."`
	OutboxTable string   `name:"outbox-table" placeholder:"NAME" default:"bellhop_outbox" help:"The outbox's table. notifier relay schema prints the statements that make it, and a second table that the relay needs."`
	OutboxTLS   TLSFiles `embed:"" prefix:"outbox-tls-"`
}

func (o *Outbox) check(p *SettingErrors) {
	if o.Outbox != "" {
		checkDSN(p, "outbox", o.Outbox)
	}
	if err := relay.CheckTable(o.OutboxTable); err != nil {
		p.addf("outbox-table", "%v", err)
	}
	o.OutboxTLS.check(p, "outbox-tls-")
}
