package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/loadgen"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const (
	secret     = "0123456789abcdef0123456789abcdef"
	serviceKey = "0123456789abcdefghij"
	dataSize   = 120 // bytes of an event's data; some 250 as a block
	patience   = time.Minute
)

// testbed is the servers of a run. Each program holds its own streams, of one kind:
// together they are more than a process may have descriptors.
type testbed struct {
	b       *testing.B
	streams int
	db      *testenv.Cluster
	bus     *testenv.RedisServer
	env     []string // of a notifier and of gateways, but for the database
	posts   *http.Client

	notifier *testenv.Program
	gateways []*testenv.Program

	seq    uint64             // of the events that the fixtures send
	memory map[string]float64 // of a server's stream, in bytes over its start
}

func newTestbed(b *testing.B, streams int) *testbed {
	b.Helper()
	r := &testbed{
		b: b, streams: streams, db: testenv.MySQL(b, testenv.MariaDB()), bus: testenv.Redis(b),
		posts: &http.Client{Timeout: patience}, memory: make(map[string]float64),
	}
	b.Cleanup(r.posts.CloseIdleConnections)
	policies := filepath.Join(b.TempDir(), "policies.yaml")
	require.NoError(b, os.WriteFile(policies, []byte("namespaces: {topic: {access: public, log: database}}\n"), 0o600))
	r.env = []string{"BELLHOP_REDIS=" + r.bus.URL(), "BELLHOP_POLICIES=" + policies, "BELLHOP_LOG_LEVEL=warn"}
	return r
}

// renew starts a notifier and some gateways on a database of their own, in place of
// those before: neither the rows of an earlier round nor what a process has kept of
// it are a burden of the next one's. The replica has then caught up.
func (r *testbed) renew(gateways int) {
	r.b.Helper()
	for _, p := range r.gateways {
		p.Kill(r.b)
	}
	if r.notifier != nil {
		r.notifier.Kill(r.b)
	}
	env := append(slices.Clip(r.env), "BELLHOP_MYSQL_PRIMARY="+r.db.Primary.DSN(r.db.NewDatabase(r.b)))
	r.notifier = testenv.Run(r.b, testenv.Build(r.b, "./cmd/notifier"), append(slices.Clip(env), "BELLHOP_SERVICE_KEYS=bench="+serviceKey)...)
	r.gateways = make([]*testenv.Program, gateways)
	for i := range r.gateways {
		r.gateways[i] = testenv.Run(r.b, testenv.Build(r.b, "./cmd/gateway"), append(slices.Clip(env), "BELLHOP_JWT_SECRET="+secret)...)
	}
}

// fixture starts one of the servers that the gateway is compared with.
func (r *testbed) fixture(kind string) *testenv.Program {
	r.b.Helper()
	return testenv.Run(r.b, testenv.Build(r.b, "./bench/fixture"), "BENCH_SERVER="+kind, "BENCH_REDIS="+r.bus.URL())
}

// hold opens the testbed's number of streams on a server. What the server's memory
// grows by is kept under its name.
func (r *testbed) hold(name string, server *testenv.Program, inbox bool, shared ...string) *loadgen.Pool {
	r.b.Helper()
	progressf("%d streams come: %s", r.streams, name)
	before, err := loadgen.Sample(server.PID())
	require.NoError(r.b, err)
	self, err := os.Executable()
	require.NoError(r.b, err)
	pool, err := loadgen.StartPool(context.Background(), []string{self, "worker"}, 1, r.streams, loadgen.Population{
		Gateways: []string{server.URL}, Inbox: inbox, Shared: shared, Secret: secret, Sources: r.streams/5000 + 1,
	})
	require.NoError(r.b, err)
	r.b.Cleanup(func() { require.NoError(r.b, pool.Close()) })
	require.NoError(r.b, pool.Hold(r.streams))
	r.await(pool, func(report loadgen.Report) bool { return report.Ready == r.streams })
	after, err := loadgen.Sample(server.PID())
	require.NoError(r.b, err)
	r.memory[name] = float64(after.RSS-before.RSS) / float64(r.streams)
	return pool
}

// progressf tells what is being done, in a line with the time.
func progressf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format(time.TimeOnly)+"  "+format+"\n", args...)
}

func (r *testbed) await(pool *loadgen.Pool, done func(loadgen.Report) bool) {
	r.b.Helper()
	var report loadgen.Report
	for deadline := time.Now().Add(patience); ; {
		var err error
		report, err = pool.Report()
		require.NoError(r.b, err)
		if done(report) {
			return
		}
		require.True(r.b, time.Now().Before(deadline), "the streams do not get there: %+v", report.Counts)
		<-time.After(20 * time.Millisecond)
	}
}

// block is what the fixtures send: n events as Bellhop would render them.
func (r *testbed) block(n int) string {
	var b []byte
	for range n {
		r.seq++
		now := time.Now()
		b = event.AppendFrame(b, &event.Event{
			Channel: "topic:bench", Seq: r.seq, Type: "load", Time: now,
			Data: fmt.Appendf(nil, `{"at":%d,"pad":%q}`, now.UnixNano(), strings.Repeat("x", dataSize-34)),
		})
		b = fmt.Appendf(b, "id: %d.bench@topic:bench\n\n", r.seq)
	}
	return string(b)
}

func (r *testbed) sendRaw(raw *testenv.Program, query string, n int) {
	r.b.Helper()
	resp, err := r.posts.Post(raw.URL+"/send?"+query, "text/plain", bytes.NewReader([]byte(r.block(n))))
	require.NoError(r.b, err)
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(r.b, err)
	require.NoError(r.b, resp.Body.Close())
	require.Equal(r.b, http.StatusOK, resp.StatusCode)
}

// metric reads one of a program's metrics.
func (r *testbed) metric(p *testenv.Program, name string) float64 {
	r.b.Helper()
	v, ok := p.Metrics(r.b)[name]
	require.True(r.b, ok, "no metric %s", name)
	return v
}

func (r *testbed) sendTextbook(n int) {
	r.b.Helper()
	for range n { // an event is a message there
		require.NoError(r.b, r.bus.Client().Publish(r.b.Context(), "bench", r.block(1)).Err())
	}
}

func (r *testbed) publish(t loadgen.Traffic) {
	r.b.Helper()
	t.Notifiers, t.Key, t.Size = []string{r.notifier.URL}, serviceKey, dataSize
	p := t.Publish(r.b.Context())
	require.Zero(r.b, p.Failed, p.Error)
}
