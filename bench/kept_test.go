package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/loadgen"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const rateVariable = "BELLHOP_BENCH_RATE" // posts a second to one Redis-kept channel; default 500

// BenchmarkKept publishes to a single Redis-kept channel, at a rate that does not
// wait for answers, and tells what was achieved and what it cost the notifier and
// Redis. The rate is a goal for the machine, not a test: it has no bound.
func BenchmarkKept(b *testing.B) {
	db := testenv.MySQL(b, testenv.MariaDB())
	bus := testenv.Redis(b)
	notifier := testenv.Run(b, testenv.Build(b, "./cmd/notifier"),
		"BELLHOP_MYSQL_PRIMARY="+db.Primary.DSN(db.NewDatabase(b)), "BELLHOP_REDIS="+bus.URL(),
		"BELLHOP_SERVICE_KEYS=bench="+serviceKey, "BELLHOP_LOG_LEVEL=warn")
	info, err := bus.Client().InfoMap(b.Context(), "server").Result()
	require.NoError(b, err)
	server, err := strconv.Atoi(info["Server"]["process_id"])
	require.NoError(b, err)
	pids := map[string]int{"notifier": notifier.PID(), "redis": server}
	traffic := loadgen.Traffic{
		Notifiers: []string{notifier.URL}, Key: serviceKey, Shared: []string{"topic:bench"}, Size: dataSize,
		Rate: float64(testenv.Setting(b, rateVariable, 500)), Duration: time.Duration(testenv.Setting(b, idleVariable, 1)) * time.Second,
	}
	warm := traffic
	warm.Duration = time.Second
	require.Zero(b, warm.Publish(b.Context()).Failed)

	for b.Loop() {
		before := sample(b, pids)
		began := time.Now()
		p := traffic.Publish(b.Context())
		took := time.Since(began)
		after := sample(b, pids)
		require.Zero(b, p.Failed, p.Error)
		var text strings.Builder
		fmt.Fprintf(&text, "\n%d events in %v: %.0f/s; answers p50 %v, p99 %v, p99.9 %v\n", p.Events, took.Round(time.Millisecond),
			float64(p.Events)/took.Seconds(), p.Commit.Quantile(0.5), p.Commit.Quantile(0.99), p.Commit.Quantile(0.999))
		for _, name := range []string{"notifier", "redis"} {
			cpu := after[name].CPU() - before[name].CPU()
			fmt.Fprintf(&text, "%s: %v of processor time an event, memory %.1f to %.1f MB\n", name,
				(cpu / time.Duration(p.Events)).Round(100*time.Nanosecond), megabytes(before[name].RSS), megabytes(after[name].RSS))
		}
		// Not to the benchmark's log, which is cut after some lines.
		fmt.Fprint(os.Stdout, text.String())
		b.ReportMetric(float64(p.Events)/took.Seconds(), "events/s")
		b.ReportMetric(float64(p.Commit.Quantile(0.99).Microseconds()), "p99-µs")
	}
}

func sample(b *testing.B, pids map[string]int) map[string]loadgen.Usage {
	b.Helper()
	usage := make(map[string]loadgen.Usage, len(pids))
	for name, pid := range pids {
		u, err := loadgen.Sample(pid)
		require.NoError(b, err)
		usage[name] = u
	}
	return usage
}

func megabytes(n int64) float64 { return float64(n) / 1e6 }
