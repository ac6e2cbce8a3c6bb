package notifier

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testenv"
	"github.com/bellhop/bellhop/store"
)

const benchPublishers = 64

var benchData = []byte(`{"post":1234567,"by":"somebody","text":"` + strings.Repeat("x", 100) + `"}`)

// benchServer is a server that keeps what it acknowledges: every commit reaches
// the disk, in the log of InnoDB and in the binary log.
func benchServer(b *testing.B) *testenv.Cluster {
	b.Helper()
	return testenv.PrivateMySQL(b, testenv.MariaDB(), testenv.Durable())
}

// BenchmarkPublishGroupCommit has publishers of single events, each waiting for
// its answer, at the batcher. Compare its rows/s with those of BenchmarkRawInsert.
func BenchmarkPublishGroupCommit(b *testing.B) {
	cluster := benchServer(b)
	for _, batchers := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("batchers=%d", batchers), func(b *testing.B) {
			database := cluster.NewDatabase(b)
			n, err := New(Config{
				Log: openMySQL(b, cluster.Primary.DSN(database)), Bus: &fakeBus{},
				Policies: auth.Builtin(), Logger: quiet(), Batchers: batchers,
			})
			require.NoError(b, err)
			require.NoError(b, n.Start(b.Context()))
			defer n.Stop()
			var next atomic.Int64
			b.ResetTimer()
			var publishers sync.WaitGroup
			for p := range benchPublishers {
				publishers.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						j := newJob(store.Entry{
							Channels: []event.Channel{event.Channel(fmt.Sprintf("user:%d-%d", p, i%16))},
							Type:     "comment", Data: benchData,
						}, false)
						if err := n.batcher.submit(j); err != nil {
							b.Error(err)
							return
						}
						if o := <-j.done; o.err != nil {
							b.Error(o.err)
							return
						}
					}
				})
			}
			publishers.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkRawInsert is what the server can do without anything that makes a
// log of it: a loop of multi-row INSERTs, each with as many rows as there are
// publishers in the other benchmark, on one connection and on two.
func BenchmarkRawInsert(b *testing.B) {
	cluster := benchServer(b)
	for _, connections := range []int{1, 2} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			database := cluster.NewDatabase(b)
			openMySQL(b, cluster.Primary.DSN(database))
			db, err := sql.Open("mysql", cluster.Primary.DSN(database)+"?interpolateParams=true")
			require.NoError(b, err)
			defer db.Close()
			rows := benchPublishers / connections
			query := "INSERT INTO events (channel, seq, type, flags, created_at, expires_at, collapse_key, data) VALUES " +
				strings.Join(slices.Repeat([]string{"(?, ?, 'comment', 0, 1, 0, '', ?)"}, rows), ", ")
			var next atomic.Int64
			b.ResetTimer()
			var inserters sync.WaitGroup
			for c := range connections {
				inserters.Go(func() {
					for {
						first := next.Add(int64(rows)) - int64(rows)
						if first >= int64(b.N) {
							return
						}
						args := make([]any, 0, 3*rows)
						for i := range int64(rows) {
							hash := sha256.Sum256(fmt.Appendf(nil, "%d-%d", c, i))
							args = append(args, hash[:16], first+i, benchData)
						}
						if _, err := db.ExecContext(b.Context(), query, args...); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			inserters.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
