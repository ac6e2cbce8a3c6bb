package notifier

import (
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/store"
)

func TestStopFinishesTheQueueAndPublishesIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, letGo := holding()
		bus := &fakeBus{}
		n := newFake(t, log, bus, func(c *Config) { c.GroupRows = 1 })
		require.NoError(t, n.Start(t.Context()))
		jobs := make([]*job, 5)
		for i := range jobs {
			jobs[i] = testJob("user:1", strconv.Itoa(i))
		}
		submit(t, n, jobs...)
		synctest.Wait()
		stopped := make(chan struct{})
		go func() { n.Stop(); close(stopped) }()
		synctest.Wait()
		require.ErrorIs(t, n.batcher.submit(testJob("user:1", "late")), ErrStopped)
		require.ErrorIs(t, n.Ready(t.Context()), ErrStopped)
		letGo()
		<-stopped
		for _, j := range jobs {
			require.NoError(t, (<-j.done).err)
		}
		require.Equal(t, []uint64{1, 2, 3, 4, 5}, bus.seqs("user:1"))
	})
}

func TestStopDoesNotWaitForALogThatIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &fakeLog{before: func([]store.Entry) error {
			<-time.After(3 * time.Second)
			return errAway
		}}
		n := newFake(t, log, &fakeBus{}, func(c *Config) { c.GroupRows = 1 })
		require.NoError(t, n.Start(t.Context()))
		jobs := make([]*job, 50)
		for i := range jobs {
			jobs[i] = testJob("user:1", strconv.Itoa(i))
		}
		submit(t, n, jobs...)
		synctest.Wait()
		began := time.Now()
		n.Stop()
		require.Equal(t, 3*time.Second, time.Since(began), "one group, not fifty")
		require.ErrorIs(t, (<-jobs[0].done).err, errAway)
		for _, j := range jobs[1:] {
			require.ErrorIs(t, (<-j.done).err, ErrStopped)
		}
	})
}

func TestStopEndsTheWaitForKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newFake(t, &fakeLog{refuse: func(store.Entry) error { return store.ErrKeyBusy }}, &fakeBus{})
		require.NoError(t, n.Start(t.Context()))
		j := testJob("user:1", "a")
		submit(t, n, j)
		synctest.Wait()
		began := time.Now()
		n.Stop()
		require.Zero(t, time.Since(began))
		require.ErrorIs(t, (<-j.done).err, store.ErrKeyBusy)
	})
}

func TestStartAndStopInAnyOrder(t *testing.T) {
	t.Parallel()
	n := newFake(t, &fakeLog{}, &fakeBus{})
	require.ErrorIs(t, n.Ready(t.Context()), ErrStopped)
	waiting := testJob("user:1", "early")
	submit(t, n, waiting)
	n.Stop()
	require.NoError(t, (<-waiting.done).err, "what was taken before the start is not forgotten")
	n.Stop()
	require.Error(t, n.Start(t.Context()))

	n = newFake(t, &fakeLog{}, &fakeBus{})
	require.NoError(t, n.Start(t.Context()))
	require.Error(t, n.Start(t.Context()))
	require.NoError(t, n.Ready(t.Context()))
	var stops sync.WaitGroup
	for range 4 {
		stops.Go(n.Stop)
	}
	stops.Wait()
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"no log":            func(c *Config) { c.Log = nil },
		"no bus":            func(c *Config) { c.Bus = nil },
		"negative batchers": func(c *Config) { c.Batchers = -1 },
		"many batchers":     func(c *Config) { c.Batchers = 17 },
		"negative group":    func(c *Config) { c.GroupRows = -1 },
		"negative queue":    func(c *Config) { c.QueueBytes = -1 },
		"endless data":      func(c *Config) { c.MaxData = MaxRequestData + 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := Config{Log: &fakeLog{}, Bus: &fakeBus{}}
			change(&c)
			_, err := New(c)
			require.Error(t, err)
		})
	}
}

func TestMetricsAreRegisteredOnce(t *testing.T) {
	t.Parallel()
	r := prometheus.NewPedanticRegistry()
	n := startFake(t, &fakeLog{}, &fakeBus{}, func(c *Config) { c.Registerer = r })
	j := testJob("user:1", "a")
	submit(t, n, j)
	require.NoError(t, (<-j.done).err)
	families, err := r.Gather()
	require.NoError(t, err)
	found := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			found[f.GetName()] += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	require.InDelta(t, 1, found["bellhop_notifier_events_total"], 0)
	require.InDelta(t, 1, found["bellhop_notifier_appends_total"], 0)
	require.InDelta(t, 1, found["bellhop_notifier_group_rows"], 0)
	require.InDelta(t, 1, found["bellhop_notifier_commit_seconds"], 0)
	require.Contains(t, found, "bellhop_notifier_queue_rows")

	_, err = New(Config{Log: &fakeLog{}, Bus: &fakeBus{}, Registerer: r})
	require.Error(t, err, "two notifiers in one registry would share their counters")
}
