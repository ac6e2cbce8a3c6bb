// Package chaos has only tests: fleets of real processes on a real Redis, primary
// and replica, in which one part after the other breaks while publishers publish
// and clients listen. Afterwards every acknowledged event must have reached every
// client once, in order, or its loss must have been announced with a cause. Beside
// them goes a raffle that is kept in Redis: its watchers must end at the newest
// value, and must be told once of each Redis that died.
//
// The short form runs with all other tests. The long form is `make chaos`.
package chaos

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/workload"
)

// scenario is one way of breaking a fleet.
type scenario struct {
	name string
	// hurt breaks something and returns when it is mended.
	hurt func(*fleet)
	// lossy: acknowledged events are taken away from the log. Then resets have
	// a cause.
	lossy bool
	// lasts is how long hurt takes in the long form, if that is more than a few
	// seconds: publishing goes on beyond its end.
	lasts time.Duration
	// mixed: one fault may come before the last one is over.
	mixed bool
	short bool // part of the short form
}

// TestChaos runs the scenarios one after the other.
func TestChaos(t *testing.T) {
	for _, s := range scenarios() {
		if !s.short && !*long {
			continue
		}
		for round := range *rounds {
			t.Run(fmt.Sprintf("%s/%d", s.name, round+1), func(t *testing.T) { s.run(t) })
		}
	}
}

func (s *scenario) run(t *testing.T) {
	t.Helper()
	f := newFleet(t)
	plan := f.plan()
	plan.Users, plan.Events, plan.Rate = 20, 1000, 250
	if *long {
		plan.Users, plan.Rate = 200, 500
		plan.Events = max(10_000, int(plan.Rate*(s.lasts+8*time.Second).Seconds()))
	}
	if s.lossy {
		plan.Lossy, plan.Excused = true, func(event.Channel) bool { return true }
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	d, err := workload.Start(ctx, plan)
	require.NoError(t, err)
	defer d.Stop()
	show := f.openShow(t)
	published := make(chan error, 1)
	began := time.Now()
	go func() { published <- d.Publish(ctx) }()

	<-time.After(time.Second) // a healthy while, for comparison
	hurt := time.Now()
	s.hurt(f)
	mended := time.Now()
	require.NoError(t, <-published)
	report, err := d.Finish(ctx)
	require.NoError(t, err)

	healthyMedian, healthyP99 := report.Quantiles(began, hurt)
	median, p99 := report.Quantiles(hurt, mended.Add(time.Second))
	t.Logf("%v; fills %v, by %v; latency median/p99 healthy %v/%v, degraded %v/%v (%v long)", report,
		f.counter("bellhop_hub_fills_total"), f.counter("bellhop_hub_delivered_events_total"),
		healthyMedian.Round(time.Millisecond), healthyP99.Round(time.Millisecond),
		median.Round(time.Millisecond), p99.Round(time.Millisecond), mended.Sub(hurt).Round(time.Millisecond))
	for i, v := range report.Violations {
		if i == 10 {
			break
		}
		t.Log(v)
	}
	require.Empty(t, report.Violations)
	require.Equal(t, plan.Events, report.Acked)
	if !s.lossy {
		require.Zero(t, report.Resets)
	}
	show.finish(t, f.lives, !s.mixed)
}

// some is a time of the long form, or a part of it in the short one.
func some(d time.Duration) time.Duration {
	if *long {
		return d
	}
	return d / 5
}

// hold lets a fault last.
func hold(d time.Duration) { <-time.After(d) }
