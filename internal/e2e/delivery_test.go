package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/sse"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/internal/testkit/workload"
)

// TestEverybodyReceivesEverything: a thousand users on two gateways, a third of
// whom come and go; a bus that loses messages; every event once, in order.
func TestEverybodyReceivesEverything(t *testing.T) {
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			f := newFleet(t, testenv.MySQL(t, engine), 2)
			f.drop.Store(100)
			plan := f.plan()
			plan.Users, plan.Events, plan.Publishers = 1000, 20_000, 32
			plan.Rate = 1000
			plan.Restless = 1.0 / 3
			ctx := context.Background()
			d, err := workload.Start(ctx, plan)
			require.NoError(t, err)
			require.NoError(t, d.Publish(ctx))
			report, err := d.Finish(ctx)
			require.NoError(t, err)
			const delivered = "bellhop_hub_delivered_events_total"
			byBus, byFill := f.total(delivered, "via", "bus"), f.total(delivered, "via", "fill")
			t.Logf("%v; over the bus %v, by filling %v (%d messages dropped)", report, byBus, byFill, f.dropped.Load())

			require.Empty(t, report.Violations)
			require.Equal(t, plan.Events, report.Acked)
			require.GreaterOrEqual(t, report.Received, plan.Events)
			require.Zero(t, report.Resets)
			require.Zero(t, report.Refused)
			require.GreaterOrEqual(t, report.Replayed, 500)
			require.GreaterOrEqual(t, byFill, 50.0)
			require.GreaterOrEqual(t, byBus/(byBus+byFill), 0.95)
		})
	}
}

// TestStoppedReplicaCostsNoEvent: a client resumes while the replica's applier
// stands still.
func TestStoppedReplicaCostsNoEvent(t *testing.T) {
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			cluster := testenv.PrivateMySQL(t, engine)
			f := newFleet(t, cluster, 1)
			cluster.StopApplier(t)
			defer cluster.StartApplier(t)
			plan := f.plan()
			plan.Users, plan.Events, plan.Restless, plan.Rate = 20, 400, 1, 200
			d, err := workload.Start(context.Background(), plan)
			require.NoError(t, err)
			require.NoError(t, d.Publish(context.Background()))
			report, err := d.Finish(context.Background())
			require.NoError(t, err)
			t.Log(report)
			require.Empty(t, report.Violations)
			require.Positive(t, report.Replayed)
			require.Zero(t, report.Resets)
		})
	}
}

// TestOnlyReadyIsEnoughToResume: a client that never received an event has the
// cursor of its bellhop.ready.
func TestOnlyReadyIsEnoughToResume(t *testing.T) {
	f := newFleet(t, testenv.MySQL(t, testenv.MariaDB()), 2)
	signed, err := token("7")
	require.NoError(t, err)
	var got []sse.Block
	c := sse.Client{Token: signed, OnBlock: func(b sse.Block) bool {
		got = append(got, b)
		return b.Event != "bellhop.ready"
	}}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	require.NoError(t, c.Connect(ctx, f.gateways[0].url))
	require.Len(t, got, 1)
	require.NotEmpty(t, c.LastID)

	f.publish(t, event.Channel("user:7"), `{"n":1}`)
	got = nil
	require.NoError(t, c.Connect(ctx, f.gateways[1].url))
	require.Len(t, got, 2)
	require.Equal(t, "note", got[0].Event)
	require.Equal(t, "bellhop.ready", got[1].Event)
}
