package bench

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/bench/report"
	"github.com/bellhop/bellhop/internal/testkit/loadgen"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const (
	// postRate is that of posts whose price is looked at, and postConns how many are
	// under way where nothing paces them.
	postRate, postConns = 3000, 256
	postBatch           = 100  // events of a batch
	inboxes             = 5000 // that get the events
)

// BenchmarkPosts tells what one event costs the notifier's process, beside a server
// that reads the request and answers; how many single events a second are taken,
// each in the database and forced to the disk; and how many come by batches. All
// of it runs on this machine: database, replica, Redis and the publishers too.
func BenchmarkPosts(b *testing.B) {
	r := newTestbed(b, 0)
	r.db = testenv.PrivateMySQL(b, testenv.MariaDB(), testenv.Durable())
	rounds := testenv.Setting(b, roundsVariable, 1)
	spell := time.Duration(testenv.Setting(b, spellVariable, 1)) * time.Second
	r.env = append(r.env, "BELLHOP_LOG_LEVEL=info") // as it is by default
	r.renew(0)
	single := func(server *testenv.Program, rate float64, conns int) loadgen.Lean {
		return loadgen.Lean{
			URL: server.URL, Path: "/v1/events", Key: serviceKey, Want: http.StatusCreated,
			Body: postBody, Conns: conns, Rate: rate, Duration: spell,
		}
	}
	batch := single(r.notifier, 0, 16)
	batch.Path, batch.Want = "/v1/events/batch", http.StatusOK
	batch.Body = func(n int64) string {
		events := make([]string, postBatch)
		for i := range events {
			events[i] = postBody(n*postBatch + int64(i))
		}
		return `{"events":[` + strings.Join(events, ",") + `]}`
	}
	bare := r.fixture("raw")
	kinds := []*postKind{
		{name: "bare server", server: bare, load: single(bare, postRate, 64), events: 1},
		{name: fmt.Sprintf("notifier, %d a second", postRate), server: r.notifier, load: single(r.notifier, postRate, 64), events: 1},
		{name: fmt.Sprintf("bare server, %d connections", postConns), server: bare, load: single(bare, 0, postConns), events: 1},
		{name: fmt.Sprintf("notifier, %d connections", postConns), server: r.notifier, load: single(r.notifier, 0, postConns), events: 1},
		{name: fmt.Sprintf("notifier, batches of %d", postBatch), server: r.notifier, load: batch, events: postBatch},
	}
	for b.Loop() {
		for round := range rounds + 1 { // the first does not count: it makes the channels
			for _, k := range kinds {
				k.run(r, round > 0)
				progressf("round %d of %d: %s", round, rounds, k.last)
			}
		}
	}
	p := &report.Posts{Rounds: rounds, Machine: machine(b)}
	for i, k := range kinds {
		var floor *postKind
		if i%2 == 1 {
			floor = kinds[i-1]
		}
		p.Kinds = append(p.Kinds, k.sum(floor))
	}
	fmt.Fprintf(os.Stdout, "\n%s\n", p.Table())
	publish(b, func(f *report.Figures) { f.Posts = p })
}

// postBody is an event to one of the inboxes.
func postBody(n int64) string {
	return fmt.Sprintf(`{"channels":["user:load-%d"],"type":"load","data":{"at":%d,"pad":%q}}`,
		n*7919%inboxes, time.Now().UnixNano(), strings.Repeat("x", dataSize-34))
}

// postKind is one kind of traffic. Its kinds take turns.
type postKind struct {
	name   string
	server *testenv.Program
	load   loadgen.Lean
	events int64 // of a post

	last                         string
	rate, cpu, allocs, half, p99 []float64
}

func (k *postKind) run(r *testbed, counts bool) {
	r.b.Helper()
	ours := k.server == r.notifier
	mallocs := 0.0
	if ours {
		mallocs = r.metric(k.server, mallocsMetric)
	}
	before, err := loadgen.Sample(k.server.PID())
	require.NoError(r.b, err)
	began := time.Now()
	p := k.load.Publish(r.b.Context())
	took := time.Since(began)
	require.Zero(r.b, p.Failed, p.Error)
	after, err := loadgen.Sample(k.server.PID())
	require.NoError(r.b, err)
	if ours {
		mallocs = r.metric(k.server, mallocsMetric) - mallocs
	}
	n := float64(p.Posts * k.events)
	cpu := (after.CPU() - before.CPU()).Seconds() / n
	k.last = fmt.Sprintf("%s: %.0f events/s, %.0f us, %.0f allocations", k.name, n/took.Seconds(), 1e6*cpu, mallocs/n)
	if !counts {
		return
	}
	k.rate, k.cpu, k.allocs = append(k.rate, n/took.Seconds()), append(k.cpu, cpu), append(k.allocs, mallocs/n)
	k.half = append(k.half, p.Commit.Quantile(0.5).Seconds())
	k.p99 = append(k.p99, p.Commit.Quantile(0.99).Seconds())
}

// sum takes the medians of all rounds; floor is what k is compared with, or nil.
func (k *postKind) sum(floor *postKind) report.PostKind {
	s := report.PostKind{
		Name: k.name, Rate: report.Median(k.rate), CPU: report.Median(k.cpu), Allocs: report.Median(k.allocs),
		P50: report.Median(k.half), P99: report.Median(k.p99),
	}
	if floor == nil {
		return s
	}
	var ratios []float64
	for i, cpu := range k.cpu {
		if floor.cpu[i] > 0 {
			ratios = append(ratios, cpu/floor.cpu[i])
		}
	}
	s.Bare, s.Ratio, s.Ratios = report.Median(floor.cpu), report.Median(ratios), report.RangeOf(ratios)
	return s
}
