package loadgen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const (
	secret     = "0123456789abcdef0123456789abcdef"
	serviceKey = "0123456789abcdefghij"
)

// bellhop starts gateway and notifier in a process of their own.
func bellhop(t *testing.T) (url, admin string) {
	t.Helper()
	dir := t.TempDir()
	policies := filepath.Join(dir, "policies.yaml")
	require.NoError(t, os.WriteFile(policies, []byte("namespaces: {topic: {access: public, log: database}}\n"), 0o600))
	p := testenv.Run(t, testenv.Build(t, "./cmd/bellhop"),
		"BELLHOP_SQLITE="+filepath.Join(dir, "b.db"), "BELLHOP_DEMO=off", "BELLHOP_JWT_SECRET="+secret,
		"BELLHOP_SERVICE_KEYS=load="+serviceKey, "BELLHOP_POLICIES="+policies, "BELLHOP_DRAIN=0s")
	return p.URL, p.AdminURL
}

func planFor(t *testing.T, gateway string) Plan {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	return Plan{
		Population: Population{Gateways: []string{gateway}, Inbox: true, Secret: secret},
		Streams:    20,
		Worker:     []string{self, "worker"},
		Patience:   20 * time.Second,
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Plan){
		"inboxes":   func(*Plan) {},
		"broadcast": func(p *Plan) { p.Traffic.Shared, p.Population.Inbox = p.Population.Shared, false },
		"bursts":    func(p *Plan) { p.Traffic.Shared, p.Traffic.Burst = p.Population.Shared, 5 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, admin := bellhop(t)
			plan := planFor(t, url)
			plan.Population.Shared = []string{"topic:" + name}
			plan.Population.Sources, plan.Population.Window = 3, 4
			plan.Processes, plan.Storms = 2, 1
			plan.Idle = 10 * time.Millisecond
			plan.Traffic = Traffic{Notifiers: []string{url}, Key: serviceKey, Rate: 100, Duration: 300 * time.Millisecond, Size: 100}
			plan.PIDs = map[string]int{"self": os.Getpid()}
			plan.Collect = []string{admin}
			var progress bytes.Buffer
			plan.Progress = &progress
			change(&plan)
			r, err := Run(t.Context(), plan)
			require.NoError(t, err)
			require.True(t, r.Sound(), "%+v", r)
			var phases []string
			for _, p := range r.Phases {
				phases = append(phases, p.Name)
				require.Positive(t, p.Usage["self"].RSS)
			}
			require.Equal(t, []string{"connect", "idle", "traffic", "storm"}, phases)
			traffic := r.Phases[2]
			events := int64(30 * max(1, plan.Traffic.Burst))
			require.Equal(t, events, traffic.Published.Events)
			require.EqualValues(t, 30, traffic.Published.Commit.Count())
			require.Equal(t, plan.deliveries(events), traffic.Delivered)
			require.Equal(t, traffic.Delivered, traffic.Latencies.Post.Count())
			require.Equal(t, traffic.Delivered, traffic.Latencies.Append.Count())
			require.EqualValues(t, plan.Streams, r.Phases[3].Joins.Count())
			require.EqualValues(t, 2*plan.Streams, r.Final.Counts.Connects)
			var summary strings.Builder
			r.Summary(&summary)
			require.Contains(t, summary.String(), fmt.Sprintf("%d events on 20 streams: 0 lost, 0 twice", traffic.Delivered))
			require.Contains(t, summary.String(), "post to receipt")
		})
	}
}

// Those who left come back with the next hold, at its rate, and go on where they were.
func TestLeaveAndComeBack(t *testing.T) {
	t.Parallel()
	url, _ := bellhop(t)
	self, err := os.Executable()
	require.NoError(t, err)
	const streams, rate = 20, 100
	pool, err := StartPool(t.Context(), []string{self, "worker"}, 1, streams, Population{Gateways: []string{url}, Inbox: true, Secret: secret})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	await := func(done func(Report) bool) (r Report) {
		require.Eventually(t, func() bool {
			r, err = pool.Report()
			return err == nil && done(r)
		}, 20*time.Second, 10*time.Millisecond)
		return r
	}
	require.NoError(t, pool.Hold(streams))
	await(func(r Report) bool { return r.Ready == streams })
	require.NoError(t, pool.Leave())
	await(func(r Report) bool { return r.Open == 0 })
	p := Traffic{Notifiers: []string{url}, Key: serviceKey, Inboxes: streams, Rate: 1000, Duration: 50 * time.Millisecond}.Publish(t.Context())
	require.Zero(t, p.Failed, p.Error)
	began := time.Now()
	require.NoError(t, pool.HoldAt(streams, rate))
	r := await(func(r Report) bool { return r.Ready == streams && r.Counts.Events == p.Events })
	require.Greater(t, time.Since(began), (streams-2)*time.Second/rate)
	require.EqualValues(t, 2*streams, r.Counts.Connects)
	require.Zero(t, r.Counts.Lost+r.Counts.Duplicates+r.Counts.Malformed+r.Counts.Resets)
}

// What a gateway loses is found.
func TestRunFindsLoss(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s\n\n%s\n\n", readyAt("1.e1@topic:b"), eventOf("topic:b", 3, "3.e1@topic:b"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(srv.Close)
	plan := planFor(t, srv.URL)
	plan.Population.Inbox, plan.Population.Shared = false, []string{"topic:b"}
	plan.Streams, plan.Idle = 3, 300*time.Millisecond
	r, err := Run(t.Context(), plan)
	require.NoError(t, err)
	require.False(t, r.Sound())
	require.EqualValues(t, 3, r.Final.Counts.Lost)
}

// What was acknowledged and never comes is found, after a while.
func TestRunFindsWhatNeverComes(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusCreated)
			return
		}
		fmt.Fprintf(w, "%s\n\n", readyAt("1.e1@topic:b"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(srv.Close)
	plan := planFor(t, srv.URL)
	plan.Population.Inbox, plan.Population.Shared = false, []string{"topic:b"}
	plan.Streams, plan.Patience = 3, 4*time.Second
	plan.Traffic = Traffic{Notifiers: []string{srv.URL}, Shared: plan.Population.Shared, Rate: 100, Duration: 50 * time.Millisecond}
	r, err := Run(t.Context(), plan)
	require.NoError(t, err)
	require.EqualValues(t, 5*3, r.Missing)
	require.False(t, r.Sound())
	require.Zero(t, r.Failed())
}

func TestSound(t *testing.T) {
	t.Parallel()
	require.True(t, (&Result{Final: Report{Counts: Counts{Events: 1, Refused: 1, Ended: 1}}}).Sound())
	require.False(t, (&Result{Missing: 1}).Sound())
	for _, c := range []Counts{{Lost: 1}, {Duplicates: 1}, {Malformed: 1}, {Resets: 1}, {Broken: 1}} {
		require.False(t, (&Result{Final: Report{Counts: c}}).Sound(), "%+v", c)
	}
}

// A run that is interrupted tells what came until then.
func TestRunIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	from := make(chan string, 3)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s\n\n", readyAt("1.e1@topic:b"))
		_ = http.NewResponseController(w).Flush()
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		from <- host
		<-r.Context().Done()
	}))
	t.Cleanup(srv.Close)
	plan := planFor(t, srv.URL)
	plan.Population.Inbox, plan.Population.Shared = false, []string{"topic:b"}
	plan.Streams, plan.Processes, plan.Idle, plan.Population.Sources = 3, 2, time.Hour, 3
	plan.Sampled = func(string) { interrupt(enough) } // all have come
	r, err := Run(ctx, plan)
	require.ErrorIs(t, err, enough)
	require.ElementsMatch(t, []string{"127.1.0.1", "127.1.0.2", "127.1.0.3"}, []string{<-from, <-from, <-from})
	require.Equal(t, 3, r.Final.Ready)
	require.EqualValues(t, 3, r.Final.Counts.Connects)
}

// A phase begins with nothing of the one before, but for what is summed up.
func TestWorkerForgetsLatencies(t *testing.T) {
	t.Parallel()
	w := &worker{epoll: -1}
	w.checker.counts.Events = 2
	w.checker.latencies.Post.Add(time.Second)
	w.checker.latencies.Append.Add(time.Second)
	w.joins.Add(time.Second)
	require.NoError(t, w.obey(Order{Do: fresh}, nil))
	require.Equal(t, Latencies{}, w.checker.latencies)
	require.Equal(t, Histogram{}, w.joins)
	require.EqualValues(t, 2, w.checker.counts.Events)
	require.ErrorContains(t, w.obey(Order{Do: "dance"}, nil), "unknown verb")
}

// A worker that does not answer is not waited for.
func TestPoolWithAStuckWorker(t *testing.T) {
	t.Parallel()
	pool, err := StartPool(t.Context(), []string{"sleep", "600"}, 1, 1, Population{})
	require.NoError(t, err)
	pool.patience = 50 * time.Millisecond
	_, err = pool.Report()
	require.ErrorContains(t, err, "a worker's report")
	require.ErrorContains(t, pool.Close(), "killed")
}

// Streams that end come back; a gateway that refuses them is waited for, and
// then given up.
func TestRunGivesUp(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "not now", http.StatusServiceUnavailable)
	}))
	t.Cleanup(srv.Close)
	plan := planFor(t, srv.URL)
	plan.Streams, plan.Patience = 2, time.Second
	_, err := Run(t.Context(), plan)
	require.ErrorIs(t, err, ErrTimeout)
	require.ErrorContains(t, err, "connect: 0 of 2 streams are live")
}

func TestRunCountsEnds(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		fmt.Fprintf(w, "%s\n\n", readyAt("1.e1@topic:b"))
		_ = http.NewResponseController(w).Flush()
		if r.Header.Get("Last-Event-ID") == "1.e1@topic:b" {
			<-r.Context().Done() // the second time it stays
		}
	}))
	t.Cleanup(srv.Close)
	plan := planFor(t, srv.URL)
	plan.Population.Inbox, plan.Population.Shared = false, []string{"topic:b"}
	plan.Streams, plan.Idle = 1, time.Second
	r, err := Run(t.Context(), plan)
	require.NoError(t, err)
	require.EqualValues(t, 1, r.Final.Counts.Ended)
	require.EqualValues(t, 2, r.Final.Counts.Connects)
}

func TestPlanIsChecked(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Plan){
		"needs streams":          func(p *Plan) { p.Streams = 0 },
		"needs a gateway":        func(p *Plan) { p.Population.Gateways = nil },
		"no channel":             func(p *Plan) { p.Population.Inbox = false },
		"nobody listens":         func(p *Plan) { p.Population.Inbox, p.Population.Shared = false, []string{"topic:a"} },
		"nobody listens to all":  func(p *Plan) { p.Population.Shared, p.Traffic.Shared = []string{"topic:a"}, []string{"topic:b"} },
		"needs a rate":           func(p *Plan) { p.Traffic.Rate = 0 },
		"want http://host:port":  func(p *Plan) { p.Population.Gateways = []string{"https://example.com"} },
		"start a worker":         func(p *Plan) { p.Worker = []string{"/nonexistent"} },
		"collect garbage":        func(p *Plan) { p.Collect = []string{"http://127.0.0.1:1"} },
		"gone: sample a process": func(p *Plan) { p.PIDs = map[string]int{"gone": 1 << 30} },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			plan := planFor(t, "http://127.0.0.1:1")
			plan.Traffic = Traffic{Notifiers: []string{"http://127.0.0.1:1"}, Rate: 1, Duration: time.Second}
			change(&plan)
			_, err := Run(t.Context(), plan)
			require.ErrorContains(t, err, want)
		})
	}
}
