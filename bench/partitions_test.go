package bench

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/loadgen"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const (
	rowsVariable = "BELLHOP_BENCH_ROWS" // of BenchmarkPartitions; default 20000
	perChannel   = 20                   // events of a channel
	trimmed      = 10                   // of them
	partitions   = "PARTITION BY KEY (channel) PARTITIONS 16"
)

// BenchmarkPartitions tells what the table of events does in one piece, and in 16 by
// the hash of the channel: appends, range reads, trimming and its size. The rows come
// as they would over months, each channel an event at a time, so that pages are split
// as they are in life. What is read then is eight times the memory, where rows are many.
func BenchmarkPartitions(b *testing.B) {
	rows := testenv.Setting(b, rowsVariable, 20_000)
	for _, how := range []string{"", partitions} {
		name := map[bool]string{true: "partitioned", false: "plain"}[how != ""]
		b.Run(name, func(b *testing.B) {
			db := testenv.PrivateMySQL(b, testenv.MariaDB(), testenv.Durable(),
				testenv.ServerOption("--innodb-doublewrite=OFF"), testenv.ServerOption("--innodb-log-file-size=256M"))
			admin := db.Primary.Admin()
			admin.SetMaxOpenConns(1)
			t := &eventTable{b: b, db: admin, channels: rows / perChannel, seq: perChannel}
			for b.Loop() {
				t.fill(db.NewDatabase(b), how, int64(rows)*250)
				fmt.Fprintf(os.Stdout, "\n%s: %d rows, %.0f bytes each\n", name, rows, t.size()/float64(rows))
				for range 2 { // the second time is warmer, as far as it fits into memory
					t.measure("append, 100 channels a statement", 300, t.append)
					t.measure("range read of 10 events", 5000, t.read)
					t.measure("first events of 100 channels", 100, t.oldest)
				}
				t.measure("trim, 10 events of a channel", 5000, t.trim)
				t.measure("range read after that", 5000, t.read)
			}
		})
	}
}

// eventTable is a table of events, on one connection.
type eventTable struct {
	b        *testing.B
	db       *sql.DB
	channels int
	hashes   []string // ascending
	seq      int      // that was appended last
	next     int      // the channel that is trimmed next
}

func (t *eventTable) exec(query string, args ...any) {
	t.b.Helper()
	_, err := t.db.ExecContext(t.b.Context(), query, args...)
	require.NoError(t.b, err, "%.100s", query)
}

// fill makes the table in memory, which is then cut down to an eighth.
func (t *eventTable) fill(database, how string, bytes int64) {
	t.b.Helper()
	memory := max(bytes, 64<<20)
	for _, query := range []string{
		"SET sql_log_bin = 0", // the replica has no part in it
		"USE " + database,
		fmt.Sprintf("SET GLOBAL innodb_buffer_pool_size = %d", memory),
		"CREATE TABLE hashes (n INT NOT NULL PRIMARY KEY, hash BINARY(16) NOT NULL) ENGINE = InnoDB",
		fmt.Sprintf("INSERT INTO hashes SELECT ROW_NUMBER() OVER (ORDER BY h), h FROM (SELECT UNHEX(MD5(seq)) AS h FROM seq_1_to_%d) s", t.channels),
		"CREATE TABLE events (channel BINARY(16) NOT NULL, seq BIGINT NOT NULL, type VARCHAR(64) NOT NULL, flags TINYINT UNSIGNED NOT NULL," +
			" created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, collapse_key VARBINARY(255) NOT NULL, data MEDIUMBLOB NOT NULL," +
			" PRIMARY KEY (channel, seq)) ENGINE = InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin " + how,
	} {
		t.exec(query)
	}
	t.hashes = t.names()
	for seq := range perChannel {
		progressf("  event %d of %d channels", seq+1, t.channels)
		t.exec("INSERT INTO events SELECT hash, ?, 'comment', 0, 1795291528000 + n, 0, '', REPEAT('x', 100) FROM hashes ORDER BY n", seq+1)
	}
	t.exec(fmt.Sprintf("SET GLOBAL innodb_buffer_pool_size = %d", memory/8))
}

// names are the hashes of all channels.
func (t *eventTable) names() (hashes []string) {
	t.b.Helper()
	rows, err := t.db.QueryContext(t.b.Context(), "SELECT HEX(hash) FROM hashes ORDER BY n")
	require.NoError(t.b, err)
	defer rows.Close()
	for rows.Next() {
		var hash string
		require.NoError(t.b, rows.Scan(&hash))
		hashes = append(hashes, hash)
	}
	require.NoError(t.b, rows.Err())
	return hashes
}

// size is that of the table's files.
func (t *eventTable) size() (bytes float64) {
	t.b.Helper()
	require.NoError(t.b, t.db.QueryRowContext(t.b.Context(),
		"SELECT SUM(file_size) FROM information_schema.innodb_sys_tablespaces WHERE name LIKE CONCAT(DATABASE(), '/events%')").Scan(&bytes))
	return bytes
}

// measure times a step again and again.
func (t *eventTable) measure(name string, times int, step func()) {
	t.b.Helper()
	times = min(times, t.channels/100)
	var took loadgen.Histogram
	began := time.Now()
	for range times {
		at := time.Now()
		step()
		took.Add(time.Since(at))
	}
	fmt.Fprintf(os.Stdout, "%-34s mean %8v  p50 %8v  p99 %8v\n", name,
		(time.Since(began) / time.Duration(times)).Round(time.Microsecond), took.Quantile(0.5), took.Quantile(0.99))
}

// append gives 100 channels an event.
func (t *eventTable) append() {
	t.b.Helper()
	t.seq++
	rows := make([]string, 100)
	for i := range rows {
		rows[i] = fmt.Sprintf("(x'%s', %d, 'comment', 0, 0, 0, '', REPEAT('x', 100))", t.hashes[rand.IntN(len(t.hashes))], t.seq)
	}
	t.exec("INSERT IGNORE INTO events VALUES " + strings.Join(rows, ", "))
}

// read is as exact as the log's: its channel stands in the statement, so that one
// partition is looked at.
func (t *eventTable) read() {
	t.b.Helper()
	t.exec(fmt.Sprintf("SELECT e.seq, e.type, e.data FROM events e WHERE e.channel = x'%s' AND e.seq > 10 AND e.seq <= 20 ORDER BY e.seq",
		t.hashes[rand.IntN(len(t.hashes))]))
}

// oldest is what a step of retention asks first.
func (t *eventTable) oldest() {
	t.b.Helper()
	first := rand.IntN(len(t.hashes) - 99)
	parts := make([]string, 100)
	for i := range parts {
		parts[i] = fmt.Sprintf("(SELECT e.channel, e.seq, e.created_at FROM events e WHERE e.channel = x'%s' ORDER BY e.seq LIMIT 1)", t.hashes[first+i])
	}
	t.exec(strings.Join(parts, " UNION ALL "))
}

// trim takes events away from the next channel, as a step of retention does.
func (t *eventTable) trim() {
	t.b.Helper()
	t.exec(fmt.Sprintf("DELETE FROM events WHERE channel = x'%s' AND seq <= %d", t.hashes[t.next%len(t.hashes)], trimmed))
	t.next++
}
