package notifier

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
)

const (
	benchPublishers = 64
	benchEach       = 50 // events of one publisher in one round
	benchInboxes    = 16 // that each publisher writes to in turn
)

var benchData = []byte(`{"post":1234567,"by":"somebody","text":"` + strings.Repeat("x", 100) + `"}`)

// BenchmarkPublishGroupCommit has 64 publishers of single events, each waiting
// for its answer, at the batcher, and beside them, in turns, a loop of INSERTs of
// 64 rows, spread over as many channels, into the same server: what the database can
// do without anything that makes a log of it. The server forces every commit to the
// disk. An op is a round of 3200 events; compare rows/s with raw-rows/s. The heap grows
// as far as the program lets it (see CollectLess of cmd/internal/app).
func BenchmarkPublishGroupCommit(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	for _, engine := range testenv.Engines() {
		cluster := testenv.PrivateMySQL(b, engine, testenv.Durable())
		for _, batchers := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/batchers=%d", engine.Name, batchers), func(b *testing.B) {
				database := cluster.NewDatabase(b)
				n, err := New(Config{
					Log: openMySQL(b, cluster.Primary.DSN(database)), Bus: deafBus{},
					Policies: auth.Builtin(), Logger: quiet(), Batchers: batchers,
				})
				require.NoError(b, err)
				require.NoError(b, n.Start(b.Context()))
				defer n.Stop()
				db, err := sql.Open("mysql", cluster.Primary.DSN(database)+"?interpolateParams=true")
				require.NoError(b, err)
				defer db.Close()
				for i := range 3 { // makes the channels, and warms both up
					benchRound(b, n)
					benchRaw(b, db, -1-i)
				}

				var grouped, raw time.Duration
				for i := range b.N {
					grouped += benchRound(b, n)
					raw += benchRaw(b, db, i)
				}
				rows := float64(b.N * benchPublishers * benchEach)
				b.ReportMetric(rows/grouped.Seconds(), "rows/s")
				b.ReportMetric(rows/raw.Seconds(), "raw-rows/s")
				b.ReportMetric(raw.Seconds()/grouped.Seconds(), "of-raw")
				var m dto.Metric
				require.NoError(b, n.metrics.groupRows.Write(&m))
				b.ReportMetric(m.GetHistogram().GetSampleSum()/float64(m.GetHistogram().GetSampleCount()), "rows/group")
			})
		}
	}
}

// deafBus forgets what it is told, so that it costs nothing.
type deafBus struct{ fanout.Publisher }

func (deafBus) Publish(_ context.Context, messages []fanout.Message) ([]int, error) {
	return make([]int, len(messages)), nil
}

// benchRound lets every publisher publish its events, one after the other.
func benchRound(b *testing.B, n *Notifier) time.Duration {
	b.Helper()
	began := time.Now()
	var publishers sync.WaitGroup
	for p := range benchPublishers {
		publishers.Go(func() {
			for i := range benchEach {
				j := newJob("", store.Entry{
					Channels: []event.Channel{event.Channel(fmt.Sprintf("user:%d-%d", p, i%benchInboxes))},
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
	return time.Since(began)
}

// benchRaw inserts as many rows as a round has.
func benchRaw(b *testing.B, db *sql.DB, round int) time.Duration {
	b.Helper()
	query := "INSERT INTO events (channel, seq, type, flags, created_at, expires_at, collapse_key, data) VALUES " +
		strings.Join(slices.Repeat([]string{"(?, ?, 'comment', 0, 1, 0, '', ?)"}, benchPublishers), ", ")
	began := time.Now()
	for i := range benchEach {
		args := make([]any, 0, 3*benchPublishers)
		for p := range benchPublishers {
			hash := sha256.Sum256(fmt.Appendf(nil, "raw:%d-%d", p, i%benchInboxes))
			args = append(args, hash[:16], round*benchEach+i, benchData)
		}
		_, err := db.ExecContext(b.Context(), query, args...)
		require.NoError(b, err)
	}
	return time.Since(began)
}
