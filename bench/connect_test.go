package bench

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/bench/report"
	"github.com/bellhop/bellhop/internal/testkit/loadgen"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const (
	// connectRate is how many clients come in a second when they don't all come at once.
	connectRate = 3000
	// rest is how long servers are left alone between storms: longer than a gateway
	// takes to find that one is over and to give its memory back.
	rest = 12 * time.Second
	// liveStreams listen while a storm goes on, to liveRate events a second each.
	liveStreams, liveRate = 200, 20
)

// BenchmarkConnect tells what a client that comes back with a token and a cursor costs a
// gateway's process, beside a server that only reads the request and keeps the socket:
// at a rate, all at once, and all at once to a gateway that was just started, with two
// missed events each. And what those feel who are there while the others come.
func BenchmarkConnect(b *testing.B) {
	r := newTestbed(b, testenv.Setting(b, heldVariable, 200))
	r.env = append(r.env, "BELLHOP_LOG_LEVEL=info") // as it is by default: lines of the log are a part of the price
	rounds := testenv.Setting(b, heldRoundsVariable, 1)
	c := &connects{testbed: r, bare: r.fixture("bare"), ways: []*way{
		{name: fmt.Sprintf("%d a second", connectRate), rate: connectRate},
		{name: "all at once"},
		{name: "all at once after a restart, each having missed two events", restart: true},
	}}
	for b.Loop() {
		for round := range rounds {
			progressf("round %d of %d: %d clients", round+1, rounds, r.streams)
			r.renew(1)
			c.round()
		}
	}
	s := c.sum(rounds)
	s.Machine = machine(b)
	fmt.Fprintf(os.Stdout, "\n%s\n", s.Table())
	publish(b, func(f *report.Figures) { f.Connects = s })
}

// connects is a run of BenchmarkConnect.
type connects struct {
	*testbed

	bare *testenv.Program
	ways []*way
	live [2][]loadgen.Histogram // alone, and while the others come: from post to receipt
}

// way is how clients come.
type way struct {
	name    string
	rate    float64 // 0: all at once
	restart bool    // of the gateway, after two events for each

	bare, cpu, allocs []float64 // for each client, by round
}

func (c *connects) round() {
	c.b.Helper()
	gateway := c.gateways[0]
	ours, bares := c.pool(gateway, c.streams), c.pool(c.bare, c.streams)
	for _, w := range c.ways {
		w.bare = append(w.bare, c.come(c.bare, bares, w))
		if w.restart {
			c.miss()
			gateway.Kill(c.b)
			gateway.Start(c.b)
		}
		mallocs := c.metric(gateway, mallocsMetric)
		w.cpu = append(w.cpu, c.come(gateway, ours, w))
		w.allocs = append(w.allocs, (c.metric(gateway, mallocsMetric)-mallocs)/float64(c.streams))
		progressf("  %s: %.0f us, bare %.0f us, %.0f allocations", w.name, 1e6*w.cpu[len(w.cpu)-1], 1e6*w.bare[len(w.bare)-1], w.allocs[len(w.allocs)-1])
		c.leave(ours, bares)
	}
	c.miss()
	gateway.Kill(c.b)
	gateway.Start(c.b)
	c.meanwhile(ours)
	require.NoError(c.b, ours.Close())
	require.NoError(c.b, bares.Close())
}

// pool makes clients that have been there once.
func (c *connects) pool(server *testenv.Program, n int) *loadgen.Pool {
	c.b.Helper()
	self, err := os.Executable()
	require.NoError(c.b, err)
	p, err := loadgen.StartPool(c.b.Context(), []string{self, "worker"}, 1, n, loadgen.Population{
		Gateways: []string{server.URL}, Inbox: true, Secret: secret, Sources: n/5000 + 1, Window: n,
	})
	require.NoError(c.b, err)
	require.NoError(c.b, p.Hold(n))
	c.await(p, func(report loadgen.Report) bool { return report.Ready == n })
	c.leave(p)
	return p
}

// leave has all clients go, and waits until the servers have forgotten them.
func (c *connects) leave(pools ...*loadgen.Pool) {
	c.b.Helper()
	for _, p := range pools {
		require.NoError(c.b, p.Leave())
		c.await(p, func(report loadgen.Report) bool { return report.Open == 0 })
	}
	resp, err := c.posts.Post(c.bare.URL+"/drop", "", http.NoBody)
	require.NoError(c.b, err)
	require.NoError(c.b, resp.Body.Close())
	if c.streams >= 1000 { // nobody looks at figures of so few
		<-time.After(rest)
	}
}

// come has all clients come, and returns the processor time that each of them cost.
func (c *connects) come(server *testenv.Program, p *loadgen.Pool, w *way) float64 {
	c.b.Helper()
	before, err := loadgen.Sample(server.PID())
	require.NoError(c.b, err)
	require.NoError(c.b, p.HoldAt(c.streams, w.rate))
	c.await(p, func(report loadgen.Report) bool { return report.Ready == c.streams })
	<-time.After(200 * time.Millisecond) // what is done for them afterwards counts too
	after, err := loadgen.Sample(server.PID())
	require.NoError(c.b, err)
	return (after.CPU() - before.CPU()).Seconds() / float64(c.streams)
}

// miss publishes two events to each client's inbox.
func (c *connects) miss() {
	c.b.Helper()
	for range 2 {
		for first := 0; first < c.streams; first += 1000 {
			var channels []string
			for i := first; i < min(first+1000, c.streams); i++ {
				channels = append(channels, fmt.Sprintf("%q", loadgen.Inbox(i)))
			}
			body := fmt.Sprintf(`{"channels":[%s],"type":"load","data":{"at":1,"pad":%q}}`, strings.Join(channels, ","), strings.Repeat("x", dataSize))
			req, err := http.NewRequestWithContext(c.b.Context(), http.MethodPost, c.notifier.URL+"/v1/events", strings.NewReader(body))
			require.NoError(c.b, err)
			req.Header.Set("Authorization", "Bearer "+serviceKey)
			req.Header.Set("Content-Type", "application/json")
			resp, err := c.posts.Do(req)
			require.NoError(c.b, err)
			require.NoError(c.b, resp.Body.Close())
			require.Equal(c.b, http.StatusCreated, resp.StatusCode)
		}
	}
}

// meanwhile has all clients come to a gateway on which others are live.
func (c *connects) meanwhile(coming *loadgen.Pool) {
	c.b.Helper()
	self, err := os.Executable()
	require.NoError(c.b, err)
	live, err := loadgen.StartPool(c.b.Context(), []string{self, "worker"}, 1, liveStreams, loadgen.Population{
		Gateways: []string{c.gateways[0].URL}, Shared: []string{"topic:live"},
	})
	require.NoError(c.b, err)
	require.NoError(c.b, live.Hold(liveStreams))
	c.await(live, func(report loadgen.Report) bool { return report.Ready == liveStreams })
	stop := make(chan struct{})
	published := make(chan struct{})
	go func() {
		defer close(published)
		for {
			select {
			case <-stop:
				return
			default:
				c.publish(loadgen.Traffic{Shared: []string{"topic:live"}, Rate: liveRate, Duration: time.Second})
			}
		}
	}()
	for i, come := range []func(){
		func() { <-time.After(2 * time.Second) },
		func() {
			require.NoError(c.b, coming.Hold(c.streams))
			c.await(coming, func(report loadgen.Report) bool { return report.Ready == c.streams })
		},
	} {
		require.NoError(c.b, live.Fresh())
		come()
		report, err := live.Report()
		require.NoError(c.b, err)
		h := report.Latencies.Post
		c.live[i] = append(c.live[i], h)
		progressf("  live streams: %d events, p50 %v, p99 %v", h.Count(), h.Quantile(0.5), h.Quantile(0.99))
	}
	close(stop)
	<-published
	require.NoError(c.b, live.Close())
}

// sum takes the medians of all rounds.
func (c *connects) sum(rounds int) *report.Connects {
	s := &report.Connects{Clients: c.streams, Rounds: rounds}
	for _, w := range c.ways {
		var ratios []float64
		for i := range w.cpu {
			if w.bare[i] > 0 {
				ratios = append(ratios, w.cpu[i]/w.bare[i])
			}
		}
		s.Ways = append(s.Ways, report.Way{
			Name: w.name, CPU: report.Median(w.cpu), Bare: report.Median(w.bare), Allocs: report.Median(w.allocs),
			Ratio: report.Median(ratios), Ratios: report.RangeOf(ratios),
		})
	}
	for i, name := range []string{"alone", "while the others come"} {
		at := func(q float64) float64 {
			var values []float64
			for h := range slices.Values(c.live[i]) {
				values = append(values, h.Quantile(q).Seconds())
			}
			return report.Median(values)
		}
		s.Live = append(s.Live, report.Delay{Name: name, P50: at(0.5), P90: at(0.9), P99: at(0.99), P999: at(0.999)})
	}
	return s
}
