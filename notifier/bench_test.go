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
	benchRows    = 64  // of a statement of the raw loop
	benchEach    = 200 // events of one publisher in one round: its start and end are small beside it
	benchInboxes = 16  // that each publisher writes to in turn
)

var benchData = []byte(`{"post":1234567,"by":"somebody","text":"` + strings.Repeat("x", 100) + `"}`)

// BenchmarkPublishGroupCommit has publishers of single events, each waiting for its
// answer, at the batcher, and beside them, in turns, a loop of INSERTs of 64 rows,
// spread over as many channels, into the same server: what the database can do without
// anything that makes a log of it. With 64 publishers a group is what a statement of the
// loop is; with more of them groups are larger. The server forces every commit to the
// disk. An op is a round of 200 events of each; compare rows/s with raw-rows/s. The heap
// grows as far as the program lets it (see CollectLess of cmd/internal/app).
func BenchmarkPublishGroupCommit(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	for _, engine := range testenv.Engines() {
		cluster := testenv.PrivateMySQL(b, engine, testenv.Durable())
		for _, publishers := range []int{benchRows, 4 * benchRows} {
			b.Run(fmt.Sprintf("%s/publishers=%d", engine.Name, publishers), func(b *testing.B) {
				database := cluster.NewDatabase(b)
				n, err := New(Config{
					Log: openMySQL(b, cluster.Primary.DSN(database)), Bus: deafBus{},
					Policies: auth.Builtin(), Logger: quiet(),
				})
				require.NoError(b, err)
				require.NoError(b, n.Start(b.Context()))
				defer n.Stop()
				db, err := sql.Open("mysql", cluster.Primary.DSN(database)+"?interpolateParams=true")
				require.NoError(b, err)
				defer db.Close()
				for i := range 3 { // makes the channels, and warms both up
					benchRound(b, n, publishers)
					benchRaw(b, db, publishers, -1-i)
				}

				var grouped, raw time.Duration
				for i := range b.N {
					grouped += benchRound(b, n, publishers)
					raw += benchRaw(b, db, publishers, i)
				}
				rows := float64(b.N * publishers * benchEach)
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
func benchRound(b *testing.B, n *Notifier, publishers int) time.Duration {
	b.Helper()
	began := time.Now()
	var all sync.WaitGroup
	for p := range publishers {
		all.Go(func() {
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
	all.Wait()
	return time.Since(began)
}

// benchRaw inserts as many rows as a round has.
func benchRaw(b *testing.B, db *sql.DB, publishers, round int) time.Duration {
	b.Helper()
	query := "INSERT INTO events (channel, seq, type, flags, created_at, expires_at, collapse_key, data) VALUES " +
		strings.Join(slices.Repeat([]string{"(?, ?, 'comment', 0, 1, 0, '', ?)"}, benchRows), ", ")
	began := time.Now()
	for i := range benchEach {
		for first := 0; first < publishers; first += benchRows {
			args := make([]any, 0, 3*benchRows)
			for p := first; p < first+benchRows; p++ {
				hash := sha256.Sum256(fmt.Appendf(nil, "raw:%d-%d", p, i%benchInboxes))
				args = append(args, hash[:16], round*benchEach+i, benchData)
			}
			_, err := db.ExecContext(b.Context(), query, args...)
			require.NoError(b, err)
		}
	}
	return time.Since(began)
}
