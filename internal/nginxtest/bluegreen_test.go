package nginxtest

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/internal/testkit/workload"
)

var full = flag.Bool("bluegreen.full", false, "deploy under the full load, five times back and forth")

// site of a deployment: gateways of two colours behind Nginx, a notifier, a
// database and a bus.
type deployment struct {
	*edge
	control *control
	url     string // of control
	plan    workload.Plan
	// patience is how many seconds a new colour has to become ready, and settle how
	// many a switch waits before the old one drains (empty: as shipped).
	patience, settle string
	// breakOff is the signal that ends a deployment right after Nginx has switched.
	breakOff string
}

func newDeployment(t *testing.T, drain time.Duration) *deployment {
	t.Helper()
	cluster := testenv.MySQL(t, testenv.MariaDB())
	database, redis := cluster.NewDatabase(t), testenv.Redis(t)
	storage := []string{
		testenv.DatabaseTopics(t),
		"BELLHOP_MYSQL_PRIMARY=" + cluster.Primary.DSN(database),
		"BELLHOP_MYSQL_REPLICAS=" + cluster.Replica.DSN(database),
		"BELLHOP_REDIS=" + redis.URL(),
	}
	notifier := testenv.Run(t, testenv.Build(t, "./cmd/notifier"), append(storage, "BELLHOP_SERVICE_KEYS=test="+serviceKey)...)
	cluster.WaitCaughtUp(t)
	d := &deployment{patience: "20", settle: "5", control: &control{
		program: testenv.Build(t, "./cmd/gateway"),
		env:     append(storage, "BELLHOP_JWT_SECRET="+signingKey, "BELLHOP_DRAIN="+drain.String()),
	}}
	d.url = d.control.serve(t)
	_, err := d.control.start(colour("blue", 2))
	require.NoError(t, err)
	first, err := d.control.addresses(colour("blue", 0))
	require.NoError(t, err)
	var changes []change
	if *full {
		d.settle = "" // as shipped
	} else {
		changes = append(changes, change{"bellhop/http.conf", "client_header_timeout 10s;", "client_header_timeout 3s;"})
	}
	d.edge = newEdge(t, strings.Fields(first), []string{
		"EDGE_NOTIFIER=" + addr(notifier), "EDGE_WORKERS=2", "EDGE_CONNECTIONS=16384", "EDGE_FILES=18432",
		"EDGE_STREAMS_PER_ADDRESS=20000", "EDGE_CONNECTS_PER_ADDRESS=20000",
	}, changes...)
	d.plan = workload.Plan{
		Users: 200, Events: 1500, Rate: 200,
		Shared:     []event.Channel{"topic:watched"},
		Gateways:   func() []string { return []string{d.URL()} },
		Notifiers:  func() []string { return []string{"http://" + d.services} },
		ServiceKey: serviceKey,
		Token:      token,
		Contents: func(ctx context.Context, ch event.Channel) (workload.Contents, error) {
			return workload.ReadContents(ctx, cluster.Primary.Admin(), database, ch)
		},
	}
	return d
}

// colour is what nginx/deploy asks control about.
func colour(name string, scale int) *http.Request {
	return &http.Request{Form: url.Values{"colour": {name}, "scale": {strconv.Itoa(scale)}}}
}

// run runs nginx/deploy and returns what it says.
func (d *deployment) run(args ...string) (string, error) {
	cmd := exec.Command("sh", append([]string{filepath.Join(scripts, "deploy")}, args...)...)
	cmd.Env = append(os.Environ(), "PLATFORM=./testdata/processes.sh", "LOCK="+filepath.Join(d.Dir, "lock"),
		"CONTROL="+d.url, "EDGE_DIR="+d.Dir, "EDGE_STATUS="+d.status, "READY_TIMEOUT="+d.patience, "SETTLE="+d.settle,
		"BREAK_OFF="+d.breakOff)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestDeploymentsGoUnnoticed switches back and forth while clients listen and
// services publish: nothing is lost or comes twice, no stream breaks, nobody is
// answered anything but 200, and nobody is told to come back later.
func TestDeploymentsGoUnnoticed(t *testing.T) {
	drain, switches := time.Second, [][]string{{"new", "2"}, {"rollback"}}
	if *full {
		drain = 15 * time.Second
		for range 4 {
			switches = append(switches, []string{"newer", "2"}, []string{"newest", "2"})
		}
	}
	d := newDeployment(t, drain)
	if *full {
		// A channel that all listen to would be 5,000 deliveries an event. A switch
		// takes half a minute: it settles, and the other colour drains.
		d.plan.Users, d.plan.Rate, d.plan.Shared = 5000, 500, nil
		d.plan.Events = 500 * 30 * len(switches)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	crowd, err := workload.Start(ctx, d.plan)
	require.NoError(t, err)
	defer crowd.Stop()
	published := make(chan error, 1)
	go func() { published <- crowd.Publish(ctx) }()
	want := "blue"
	for _, args := range switches {
		out, err := d.run(args...)
		require.NoError(t, err, "%s", out)
		want = map[string]string{"blue": "green", "green": "blue"}[want]
		require.Equal(t, want, d.colour(t), "%s", out)
	}
	require.NoError(t, <-published)
	report, err := crowd.Finish(ctx)
	require.NoError(t, err)
	t.Logf("%v; ends by second: %v", report, ends(d.accessLog(t)))
	require.Empty(t, report.Violations)
	d.requireOnly200(t)
	require.Equal(t, d.plan.Events, report.Acked)
	require.Zero(t, report.Retries)
	require.Zero(t, report.Unclean)
	require.Zero(t, report.Refused)
	require.Zero(t, report.Resets)
	require.GreaterOrEqual(t, report.Connects, d.plan.Users*(1+len(switches)))
}

// TestFailedDeploymentsGoUnnoticed: the new colour is killed before it is ready;
// then Nginx refuses the switch; then the operator's terminal goes away.
func TestFailedDeploymentsGoUnnoticed(t *testing.T) {
	d := newDeployment(t, time.Second)
	d.plan.Users, d.plan.Events = 50, 600
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	crowd, err := workload.Start(ctx, d.plan)
	require.NoError(t, err)
	defer crowd.Stop()
	published := make(chan error, 1)
	go func() { published <- crowd.Publish(ctx) }()

	// A run that was killed has left the upstream of the other colour.
	d.upstream(t, "green", "127.0.0.1:1")
	d.patience = "1"
	d.control.next(stillborn)
	out, err := d.run("broken", "1")
	require.Error(t, err)
	left, err := os.ReadFile(filepath.Join(d.Dir, "bellhop/upstream/gateway.conf"))
	require.NoError(t, err)
	require.Contains(t, string(left), "default blue;")
	require.Contains(t, out, "green does not become ready; blue goes on serving")
	require.Equal(t, "blue", d.colour(t))

	// And once more, with a colour that Nginx can't be switched to.
	d.patience = "20"
	d.control.next(misplaced)
	out, err = d.run("misplaced", "1")
	require.Error(t, err)
	require.Contains(t, out, "the switch failed; going back to blue")
	require.Equal(t, "blue", d.colour(t))
	d.control.next(none)

	d.breakOff = "HUP"
	if signal.Ignored(syscall.SIGHUP) { // by nohup: then a shell can't be told that its terminal is gone
		d.breakOff = "TERM"
	}
	out, err = d.run("broken-off", "1")
	require.Error(t, err)
	require.Contains(t, out, "deploy: broken off\n")
	require.Equal(t, "blue", d.colour(t))
	require.Empty(t, d.control.of(colour("green", 0)), "what was begun is stopped: %s", out)
	d.breakOff = ""

	require.NoError(t, <-published)
	report, err := crowd.Finish(ctx)
	require.NoError(t, err)
	require.Empty(t, report.Violations)
	require.Zero(t, report.Unclean+report.Refused+report.Retries)
	require.Equal(t, d.plan.Users, report.Connects, "nobody had to reconnect")
	d.requireOnly200(t)

	out, err = d.run("good", "1") // after a failure the next one is not in the way
	require.NoError(t, err, "%s", out)
	require.Equal(t, "green", d.colour(t))
}

// TestDeploymentsDoNotMix: while one is under way another one is refused.
func TestDeploymentsDoNotMix(t *testing.T) {
	t.Parallel()
	e := newEdge(t, []string{"127.0.0.1:1"}, nil)
	d := &deployment{edge: e, url: "http://127.0.0.1:1", patience: "1", settle: "0"}
	require.NoError(t, os.Mkdir(filepath.Join(e.Dir, "lock"), 0o700))
	out, err := d.run("new")
	require.Error(t, err)
	require.Contains(t, out, "another deployment is under way")
	out, err = d.run()
	require.Error(t, err)
	require.Contains(t, out, "usage:")
	out, err = d.run("status")
	require.NoError(t, err)
	require.Equal(t, "blue\n", out)
}

var streamLine = regexp.MustCompile(`\[([^]]*)\] "(?:GET|POST) (/v1/\S*) HTTP/1.1" (\d+) .* upstream="[^"]*" (.*) request_id=`)

// requireOnly200 looks through Nginx's log: every answer came from a gateway or
// notifier, at once, and was a good one.
func (d *deployment) requireOnly200(t *testing.T) {
	t.Helper()
	lines := 0
	for line := range strings.Lines(d.accessLog(t)) {
		m := streamLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		lines++
		want := map[string]string{"/v1/stream": "200", "/v1/events": "201"}[m[2]]
		require.Equal(t, want, m[3], line)
		require.Equal(t, want, m[4], "tried elsewhere, or told to come back: %s", line)
	}
	require.NotZero(t, lines)
}

// ends counts the ends of streams by the second in which they came.
func ends(log string) []string {
	counts := map[string]int{}
	for line := range strings.Lines(log) {
		if m := streamLine.FindStringSubmatch(line); m != nil && m[2] == "/v1/stream" {
			_, clock, _ := strings.Cut(m[1], "T")
			counts[clock[:8]]++
		}
	}
	var out []string
	for at, n := range counts {
		out = append(out, fmt.Sprintf("%s %d", at, n))
	}
	slices.Sort(out)
	return out
}
