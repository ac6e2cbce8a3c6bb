package e2e

import (
	"context"
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/internal/testkit/workload"
)

var (
	failOvers    = flag.Int("failovers", 1, "how often the primary of a group is killed and then switched")
	groupClients = flag.Int("failovers.clients", 50, "how many clients listen meanwhile")
	groupRate    = flag.Float64("failovers.rate", 100, "how many events a second are published meanwhile")
)

// TestFailOverOfAGroupResetsNobody: the primary of three members is killed, and then
// switched, under clients and events: none is lost, none comes twice, nobody is reset.
func TestFailOverOfAGroupResetsNobody(t *testing.T) {
	for _, kind := range testenv.GroupKinds() {
		t.Run(kind.Name, func(t *testing.T) {
			f, group := newGroupFleet(t, kind, 2)
			log := f.log(1)
			before, err := log.Heads(t.Context(), nil, false)
			require.NoError(t, err)
			plan := f.plan()
			plan.Users, plan.Rate, plan.Restless = *groupClients, *groupRate, 0.1
			plan.Events = int(plan.Rate) * 15 * *failOvers
			d, err := workload.Start(t.Context(), plan)
			require.NoError(t, err)
			published := make(chan error, 1)
			go func() { published <- d.Publish(context.WithoutCancel(t.Context())) }()

			writable := func(what string, since time.Time) {
				t.Helper()
				require.Eventually(t, func() bool { return log.Ready(t.Context()) == nil }, time.Minute, 20*time.Millisecond)
				t.Logf("%s: the log takes events again after %v", what, time.Since(since).Round(100*time.Millisecond))
			}
			for range *failOvers {
				old, began := group.Primary(), time.Now()
				old.Kill(t)
				require.Eventually(t, func() bool { return group.Primary() != old }, time.Minute, 20*time.Millisecond)
				writable("killed", began)
				group.Rejoin(t, old)
				began = time.Now()
				group.Switch(t)
				writable("switched", began)
			}
			require.NoError(t, <-published)
			report, err := d.Finish(t.Context())
			require.NoError(t, err)
			t.Log(report)
			require.Empty(t, report.Violations)
			require.Equal(t, plan.Events, report.Acked)
			require.Zero(t, report.Resets)
			after, err := log.Heads(t.Context(), []event.Channel{}, true)
			require.NoError(t, err)
			require.Equal(t, before.Epoch, after.Epoch)
		})
	}
}

var twoWritersFor = flag.Duration("twowriters", 5*time.Second, "how long two nodes of Galera are published to")

// TestTwoNotifiersOnTwoNodes: two notifiers write to two nodes of Galera, to channels
// that all of them share, gateways read a third and the first, and the bus loses messages:
// what was acknowledged is there once, and everybody gets it.
func TestTwoNotifiersOnTwoNodes(t *testing.T) {
	f, group := newGroupFleet(t, testenv.GroupKinds()[0], 0)
	notifiers := []string{}
	for _, node := range group.Members[:2] {
		f.mysql.Primary = node.DSN(f.database)
		f.addNotifier()
		notifiers = append(notifiers, f.notifier.url)
	}
	for _, node := range []*testenv.SQLServer{group.Members[2], group.Members[0]} {
		f.mysql.Primary = node.DSN(f.database)
		f.addGateway()
	}
	f.drop.Store(20)
	plan := f.plan()
	plan.Notifiers = func() []string { return notifiers }
	plan.Users, plan.Rate, plan.Restless = 2, 200, 0.5
	plan.Events = int(plan.Rate * twoWritersFor.Seconds())
	d, err := workload.Start(t.Context(), plan)
	require.NoError(t, err)
	require.NoError(t, d.Publish(t.Context()))
	// What is published is compared with the first node's rows, which has to have them.
	reader, err := group.Members[0].Admin().Conn(t.Context())
	require.NoError(t, err)
	defer reader.Close()
	_, err = reader.ExecContext(t.Context(), "SET SESSION wsrep_sync_wait = 1")
	require.NoError(t, err)
	_, err = reader.ExecContext(t.Context(), "SELECT epoch FROM "+f.database+".meta")
	require.NoError(t, err)
	report, err := d.Finish(t.Context())
	require.NoError(t, err)
	t.Log(report)
	require.Empty(t, report.Violations)
	require.Equal(t, plan.Events, report.Acked)
	require.Zero(t, report.Resets)
}
