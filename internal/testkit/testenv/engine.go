package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// mysqldVariable names a MySQL server to run the tests on as well. It is named by
// its path because a program called mysqld may be MariaDB's.
const mysqldVariable = "BELLHOP_TEST_MYSQLD"

// Engine is a database server that speaks MySQL's protocol.
type Engine struct {
	// Name is "mariadb" or "mysql": fit for a subtest.
	Name string

	mysqld  string // path; empty: to be looked for
	dialect dialect
}

// Engines lists the servers to run a test on: MariaDB always, and MySQL if
// BELLHOP_TEST_MYSQLD has the path of a mysqld.
func Engines() []Engine {
	engines := []Engine{{Name: "mariadb", dialect: mariadb}}
	if path := os.Getenv(mysqldVariable); path != "" {
		engines = append(engines, Engine{Name: "mysql", mysqld: path, dialect: mysql})
	}
	return engines
}

// MariaDB is the engine for tests that one engine suffices for.
func MariaDB() Engine { return Engines()[0] }

// dialect holds what differs between the engines in how a server is set up and
// replicates. Statements that both understand are written where they are used.
type dialect struct {
	options   []string
	durable   []string // options of servers that are Durable
	installer string   // program that fills a data directory; empty: the server itself
	initial   []string
	follow    string // of host 127.0.0.1: port, account, password
	position  string // how far a primary has got
	reached   string // waits on a replica: position, seconds; 0 once it is there
	sqlThread string // column of SHOW REPLICA STATUS
	ioThread  string
}

var mariadb = dialect{
	options:   []string{"--log-slave-updates=ON", "--gtid-strict-mode=ON", "--innodb-log-file-size=16M"},
	durable:   []string{"--innodb-log-file-size=256M"},
	installer: "mariadb-install-db",
	initial: []string{
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", "--innodb-log-file-size=16M",
	},
	follow: `CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=%d, MASTER_USER='%s', MASTER_PASSWORD='%s',
		MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=1, MASTER_USE_GTID=slave_pos`,
	position:  `SELECT @@global.gtid_binlog_pos`,
	reached:   `SELECT MASTER_GTID_WAIT(?, ?)`,
	sqlThread: "Slave_SQL_Running",
	ioThread:  "Slave_IO_Running",
}

var mysql = dialect{
	options: []string{
		"--log-replica-updates=ON", "--gtid-mode=ON", "--enforce-gtid-consistency=ON",
		"--innodb-redo-log-capacity=16M", "--mysqlx=OFF",
	},
	durable: []string{"--innodb-redo-log-capacity=256M"},
	initial: []string{
		"--initialize-insecure", "--innodb-redo-log-capacity=16M", "--innodb-doublewrite=OFF", "--innodb-flush-log-at-trx-commit=0",
	},
	// By default MySQL waits 60 s between tries and gives up after ten.
	follow: `CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=%d, SOURCE_USER='%s', SOURCE_PASSWORD='%s',
		SOURCE_CONNECT_RETRY=1, SOURCE_RETRY_COUNT=86400, SOURCE_HEARTBEAT_PERIOD=1, SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1`,
	position:  `SELECT @@global.gtid_executed`,
	reached:   `SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?)`,
	sqlThread: "Replica_SQL_Running",
	ioThread:  "Replica_IO_Running",
}

// server is the path of the engine's server program.
func (e Engine) server() (string, error) {
	if e.mysqld == "" {
		return program("mariadbd")
	}
	if _, err := exec.LookPath(e.mysqld); err != nil {
		return "", fmt.Errorf("%s does not name a program: %w", mysqldVariable, err)
	}
	return e.mysqld, nil
}

// ownTemp is the environment that gives a server a directory for temporary files
// of its own: MariaDB deletes what looks like its own in a shared one.
func ownTemp(dir string) string { return "TMPDIR=" + dir }

// initialize fills an empty data directory.
func (e Engine) initialize(data string) error {
	path, err := e.server()
	if e.dialect.installer != "" {
		path, err = program(e.dialect.installer)
	}
	if err != nil {
		return err
	}
	args := append([]string{"--no-defaults", "--datadir=" + data}, e.dialect.initial...)
	if os.Geteuid() == 0 {
		args = append(args, "--user=root")
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), ownTemp(filepath.Dir(data)))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initialize %s: %w\n%s", e.Name, err, out)
	}
	// MySQL keeps the server's UUID here: every copy is to draw its own.
	if err := os.Remove(filepath.Join(data, "auto.cnf")); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

// arguments for a server on a data directory. No option file is read: the machine
// may have one that is meant for another server.
func (e Engine) arguments(data string, port int, id uint32, o options) []string {
	args := []string{
		"--no-defaults",
		"--datadir=" + data,
		"--port=" + strconv.Itoa(port), "--bind-address=127.0.0.1", "--skip-name-resolve",
		"--socket=" + filepath.Join(data, "s.sock"), "--pid-file=" + filepath.Join(data, "pid"),
		"--server-id=" + strconv.FormatUint(uint64(id), 10),
		"--log-bin=binlog", "--relay-log=relay", "--binlog-format=ROW",
		"--character-set-server=utf8mb4", "--max-connections=400",
		"--performance-schema=OFF", "--innodb-buffer-pool-size=64M",
		// Both engines take the old name; a replica notices a frozen primary after this many seconds.
		"--loose-slave-net-timeout=5", "--loose-replica-net-timeout=5",
	}
	if o.durable {
		args = append(args, "--innodb-flush-log-at-trx-commit=1", "--sync-binlog=1")
	} else {
		// The log is written at each commit but not forced to the disk: nothing
		// is lost when the process is killed, which is all that tests do to it.
		args = append(args, "--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0")
	}
	if o.shared {
		// Without it a server that is killed while it writes a page can't mend the page;
		// nobody kills those that are shared.
		args = append(args, "--innodb-doublewrite=OFF")
	}
	if os.Geteuid() == 0 {
		account := "root"
		if o.unprivileged {
			account = "nobody"
		}
		args = append(args, "--user="+account)
	}
	args = append(args, e.dialect.options...)
	if o.durable {
		// With the small ones of tests a benchmark would measure how pages are written back.
		args = append(args, "--innodb-buffer-pool-size=512M")
		args = append(args, e.dialect.durable...)
	}
	return append(args, o.server...)
}

// quoteName quotes an identifier.
func quoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
