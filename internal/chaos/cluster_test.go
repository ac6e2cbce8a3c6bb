package chaos

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/fanout/fanouttest"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/internal/testkit/workload"
)

// most is how long a gateway may doubt a Cluster whose master died: it takes about two
// of the seconds to promote the replica.
const most = 5 * time.Second

// TestClusterFailsOverMovesSlotsAndGrows under load: nothing is lost or doubled,
// nobody is reset, and the bus is soon trusted again. The long form does each of the
// three ten times.
func TestClusterFailsOverMovesSlotsAndGrows(t *testing.T) {
	redis := testenv.NewRedisFleet(t, 3, true)
	f := &fleet{t: t, down: map[*testenv.Program]bool{}}
	f.begin(redis.URL(), redis.URL())
	plan, times := f.plan(), 1
	plan.Users, plan.Rate, plan.Events = 50, 250, 4000
	if *long {
		times = 10
		plan.Users, plan.Rate, plan.Events = 300, 500, 75_000
	}
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	watch := watchDoubts(t, redis)
	d, err := workload.Start(ctx, plan)
	require.NoError(t, err)
	defer d.Stop()
	published := make(chan error, 1)
	began := time.Now()
	go func() { published <- d.Publish(ctx) }()
	for range times {
		// Asked for each time: a busy machine replaces masters without being told to.
		masters := redis.Masters()
		from, to := masters[0], masters[1]
		const some = 300
		moved := redis.SlotsOf(from)[0]
		redis.MoveSlots(from, to, moved[0], min(moved[1], some))
		watch.settle(t)

		masters = redis.Masters()
		killed := masters[len(masters)-1]
		killed.Kill()
		redis.WaitReplaced(killed)
		watch.settle(t)
		killed.Start()
		redis.WaitFollows(killed)

		added, to := redis.AddMaster(), redis.Masters()[0]
		theirs := redis.SlotsOf(to)
		last := theirs[len(theirs)-1]
		redis.MoveSlots(to, added, last[0], min(last[1], some))
		watch.settle(t)
		masters = slices.DeleteFunc(redis.Masters(), func(m *testenv.RedisServer) bool { return m == added })
		redis.Retire(added, masters[0])
		watch.settle(t)
	}
	broken := time.Since(began)
	require.NoError(t, <-published)
	report, err := d.Finish(ctx)
	require.NoError(t, err)
	t.Logf("%d rounds in %v: %v; fills %v; doubts: %d, the longest %v, %v in all", times, broken.Round(time.Second), report,
		f.counter("bellhop_hub_fills_total"), watch.count(), watch.longest().Round(time.Millisecond), watch.sum().Round(time.Millisecond))
	require.Empty(t, report.Violations)
	require.Zero(t, report.Resets)
	require.Equal(t, plan.Events, report.Acked)
	require.LessOrEqual(t, watch.longest(), most)
}

// doubtWatch is a gateway's bus, and writes down when it was in doubt.
type doubtWatch struct {
	fanouttest.Recorder

	mu     sync.Mutex
	since  time.Time // zero: not now
	doubts []time.Duration
}

func watchDoubts(t *testing.T, redis *testenv.RedisFleet) *doubtWatch {
	t.Helper()
	client, err := fanout.OpenRedis(redis.URL())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	w := new(doubtWatch)
	s := fanout.NewRedis(client, fanout.Config{Logger: slog.New(slog.DiscardHandler)}).Subscriber(w)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	s.Subscribe(fanouttest.Channels(t, 300)...)
	w.settle(t)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.doubts = nil
	return w
}

func (w *doubtWatch) Message(fanout.Message)   {}
func (w *doubtWatch) Subscribed(event.Channel) {}

func (w *doubtWatch) Suspect(suspect bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if suspect {
		w.since = time.Now()
		return
	}
	w.doubts = append(w.doubts, time.Since(w.since))
	w.since = time.Time{}
}

// settle waits until the bus is trusted.
func (w *doubtWatch) settle(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.since.IsZero() && len(w.doubts) > 0
	}, time.Minute, 10*time.Millisecond)
}

func (w *doubtWatch) count() int { return len(w.doubts) }

func (w *doubtWatch) longest() (d time.Duration) {
	for _, doubt := range w.doubts {
		d = max(d, doubt)
	}
	return d
}

func (w *doubtWatch) sum() (d time.Duration) {
	for _, doubt := range w.doubts {
		d += doubt
	}
	return d
}
