package e2e

import (
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/bellhop/bellhop/internal/testkit/loadgen"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/internal/testkit/workload"
)

var (
	pollClients = flag.Int("polls.clients", 200, "clients that use long polls, and as many that use streams")
	pollIdle    = flag.Duration("polls.idle", 5*time.Second, "how long nothing happens, for the measurement")
)

// TestLongPollsBesideStreams: clients of either kind, each kind on a gateway of its own,
// which is stopped in order and then killed while events are published. Nothing is lost,
// doubled or reset. What an idle client costs of either kind is measured before.
func TestLongPollsBesideStreams(t *testing.T) {
	t.Parallel()
	f := newFleet(t, testenv.MySQL(t, testenv.MariaDB()), 0)
	kinds := []*pollKind{{name: "streams"}, {name: "long polls", wait: 25}}
	var starts errgroup.Group
	for _, k := range kinds {
		k.gateway = f.gatewayProcess(t, "BELLHOP_DRAIN=2s", "BELLHOP_MAX_RATE_PER_ADDRESS=0", "BELLHOP_MAX_STREAMS_PER_ADDRESS=0")
		plan := f.plan()
		plan.Users, plan.Wait = *pollClients, k.wait
		plan.Events, plan.Rate = 2**pollClients, float64(*pollClients)/5
		plan.Gateways = func() []string { return []string{k.gateway.URL} }
		starts.Go(func() (err error) {
			k.run, err = workload.Start(t.Context(), plan)
			return err
		})
	}
	require.NoError(t, starts.Wait())
	for _, k := range kinds {
		k.sample(t)
	}
	idle := time.Now()
	require.Eventually(t, func() bool { return time.Since(idle) > *pollIdle }, 2**pollIdle, 100*time.Millisecond)
	for _, k := range kinds {
		was := k.usage
		k.sample(t)
		cpu := k.usage.User + k.usage.System - was.User - was.System
		t.Logf("%s: %v of processor time for each idle client and minute", k.name,
			time.Duration(float64(cpu)/float64(*pollClients)/time.Since(idle).Minutes()))
	}
	var published errgroup.Group
	for _, k := range kinds {
		published.Go(func() error { return k.run.Publish(t.Context()) })
		require.NoError(t, k.gateway.Stop(time.Minute))
		k.gateway.Start(t)
		k.gateway.Kill(t)
		k.gateway.Start(t)
	}
	require.NoError(t, published.Wait())
	for _, k := range kinds {
		report, err := k.run.Finish(t.Context())
		require.NoError(t, err)
		t.Logf("%s: %v", k.name, report)
		require.Empty(t, report.Violations)
		require.Equal(t, 2**pollClients, report.Acked)
		require.Equal(t, report.Acked, report.Received)
		require.Zero(t, report.Resets)
	}
}

// pollKind is clients of one kind, and their gateway.
type pollKind struct {
	name    string
	wait    int
	gateway *testenv.Program
	run     *workload.Run
	usage   loadgen.Usage
}

func (k *pollKind) sample(t *testing.T) {
	t.Helper()
	var err error
	k.usage, err = loadgen.Sample(k.gateway.PID())
	require.NoError(t, err)
}
