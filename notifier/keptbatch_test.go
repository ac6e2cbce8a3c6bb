package notifier

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

const (
	news   = `{"channels":["topic:news"],"type":"headline","data":{"n":1}}`
	raffle = `{"channels":["raffle:1"],"type":"drawn","data":7}`
)

func TestEventsGoToTheLogOfTheirNamespace(t *testing.T) {
	t.Parallel()
	k, log := newFakeKept(), &fakeLog{}
	a := newAPI(t, log, &fakeBus{}, with(k))
	for _, body := range []string{news, raffle, hello, news} {
		require.Equal(t, http.StatusCreated, a.publish(body).Code)
	}
	require.EqualValues(t, 2, k.head(t, "topic:news").Seq)
	require.EqualValues(t, 1, k.head(t, "raffle:1").Seq)
	require.Equal(t, map[event.Channel]uint64{"user:42": 1}, log.heads, "kept channels do not touch the database")
}

func TestWithoutAKeptLogAllGoesToTheDatabase(t *testing.T) {
	t.Parallel()
	log := &fakeLog{}
	a := newAPI(t, log, &fakeBus{})
	require.Equal(t, http.StatusCreated, a.publish(news).Code)
	require.EqualValues(t, 1, log.heads["topic:news"])
}

func TestKeptEventsNeedNoDatabase(t *testing.T) {
	t.Parallel()
	a := newAPI(t, noDatabase(), &fakeBus{}, with(newFakeKept()))
	w := a.publish(news)
	require.JSONEq(t, `{"events":[{"channel":"topic:news","seq":1}]}`, w.Body.String())
}

func TestBatchItemsOfBothKindsFailByThemselves(t *testing.T) {
	t.Parallel()
	k := newFakeKept()
	k.before = func([]store.Entry) error { return errAway }
	a := newAPI(t, &fakeLog{}, &fakeBus{}, with(k))
	results := a.batch(t, hello, news, hello, raffle)
	for i, status := range []int{201, 503, 201, 503} {
		require.InDelta(t, status, results[i]["status"], 0, "%d: %v", i, results[i])
	}
	k.before = nil
	for i, r := range a.batch(t, news, hello, news, raffle) {
		require.InDelta(t, 201, r["status"], 0, "%d: %v", i, r)
	}
	a = newAPI(t, noDatabase(), &fakeBus{}, with(newFakeKept()))
	results = a.batch(t, news, hello, news)
	require.Equal(t, []any{map[string]any{"channel": "topic:news", "seq": 2.0}}, results[2]["events"])
	require.InDelta(t, 503, results[1]["status"], 0)
}

func TestBatchKeepsTheOrderOfAKeptChannel(t *testing.T) {
	t.Parallel()
	a := newAPI(t, noDatabase(), &fakeBus{}, with(newFakeKept()))
	events := make([]string, MaxBatch)
	for i := range events {
		events[i] = fmt.Sprintf(`{"channels":["topic:%d"],"type":"n","data":%d}`, i%7, i)
	}
	for i, r := range a.batch(t, events...) {
		require.Equal(t, []any{map[string]any{"channel": fmt.Sprintf("topic:%d", i%7), "seq": float64(i/7 + 1)}}, r["events"])
	}
}

func TestKeptIdempotency(t *testing.T) {
	t.Parallel()
	a := newAPI(t, noDatabase(), &fakeBus{}, with(newFakeKept()))
	require.Equal(t, http.StatusCreated, a.publish(news, "Idempotency-Key", "k").Code)
	again := a.publish(news, "Idempotency-Key", "k")
	require.Equal(t, http.StatusCreated, again.Code)
	require.Equal(t, "true", again.Header().Get("Idempotent-Replayed"))
	require.JSONEq(t, `{"events":[{"channel":"topic:news","seq":1}]}`, again.Body.String())
	other := `{"channels":["topic:news"],"type":"headline","data":2}`
	requireProblem(t, a.publish(other, "Idempotency-Key", "k"), http.StatusUnprocessableEntity)
	require.Equal(t, http.StatusCreated, a.publish(other).Code)
}

func TestFailuresOfTheKeptLog(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err     error
		status  int
		written any
	}{
		"away":         {errAway, 503, false},
		"nobody knows": {errLost, 503, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newFakeKept()
			k.before = func([]store.Entry) error { return c.err }
			a := newAPI(t, &fakeLog{}, &fakeBus{}, with(k))
			w := a.publish(news)
			require.Equal(t, c.written, requireProblem(t, w, c.status)["written"])
			require.NotEmpty(t, w.Header().Get("Retry-After"))
			w = a.do(http.MethodDelete, "/v1/channels/topic:news", "", "Authorization", "Bearer admin")
			requireProblem(t, w, http.StatusServiceUnavailable)
			require.Equal(t, http.StatusCreated, a.publish(hello).Code, "the database is another log")
		})
	}
}

func TestKeptQueueIsBounded(t *testing.T) {
	t.Parallel()
	k, letGo := holdingKept()
	a := newAPI(t, &fakeLog{}, &fakeBus{}, with(k), func(c *Config) { c.QueueRows = 1 })
	t.Cleanup(letGo)
	require.NoError(t, a.submit(testJob("topic:1", "a")))
	require.Eventually(t, func() bool { return a.keptBatcher.queue.depth() == 0 }, waitFor, tick)
	require.NoError(t, a.submit(testJob("topic:1", "b")))
	w := a.publish(news)
	require.Equal(t, false, requireProblem(t, w, http.StatusServiceUnavailable)["written"])
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	require.Equal(t, http.StatusCreated, a.publish(hello).Code)
}

func TestWhatGathersIsOneKeptGroup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, letGo := holdingKept()
		n := startFake(t, noDatabase(), &fakeBus{}, with(k))
		t.Cleanup(letGo)
		jobs := make([]*job, 1+keptRows+5)
		for i := range jobs {
			jobs[i] = testJob("topic:1", "t"+strconv.Itoa(i))
			require.NoError(t, n.submit(jobs[i]))
			synctest.Wait()
		}
		letGo()
		for i, j := range jobs {
			o := <-j.done
			require.NoError(t, o.err)
			require.EqualValues(t, i+1, o.appended.Seqs[0], "events are appended in the order of the queue")
		}
		require.Equal(t, []int{1, keptRows, 5}, k.sizes)
	})
}

func TestKeptJobThatWaitedTooLongIsNotTried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, letGo := holdingKept()
		n := startFake(t, noDatabase(), &fakeBus{}, with(k))
		t.Cleanup(letGo)
		first, late := testJob("topic:1", "a"), testJob("topic:1", "b")
		require.NoError(t, n.submit(first))
		synctest.Wait()
		require.NoError(t, n.submit(late))
		<-time.After(queueWait + time.Second)
		letGo()
		require.ErrorIs(t, (<-first.done).err, context.DeadlineExceeded, "a call is bounded")
		require.ErrorIs(t, (<-late.done).err, ErrBusy)
		require.Zero(t, k.head(t, "topic:1").Seq)
	})
}

func TestStopFinishesTheKeptQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, letGo := holdingKept()
		n := newFake(t, noDatabase(), &fakeBus{}, with(k))
		early := testJob("topic:1", "early")
		require.NoError(t, n.submit(early), "what comes before the start waits for it")
		require.NoError(t, n.Start(t.Context()))
		synctest.Wait()
		later := testJob("topic:1", "later")
		require.NoError(t, n.submit(later))
		stopped := make(chan struct{})
		go func() { n.Stop(); close(stopped) }()
		synctest.Wait()
		require.ErrorIs(t, n.submit(testJob("topic:1", "late")), ErrStopped)
		letGo()
		<-stopped
		require.NoError(t, (<-early.done).err)
		require.NoError(t, (<-later.done).err)
	})
}

func TestStopDoesNotWaitForAKeptLogThatIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newFakeKept()
		k.before = func([]store.Entry) error { <-time.After(3 * time.Second); return errAway }
		n := newFake(t, noDatabase(), &fakeBus{}, with(k))
		require.NoError(t, n.Start(t.Context()))
		jobs := make([]*job, 3*keptRows)
		for i := range jobs {
			jobs[i] = testJob("topic:1", "a")
			require.NoError(t, n.submit(jobs[i]))
		}
		synctest.Wait()
		began := time.Now()
		n.Stop()
		require.Equal(t, 3*time.Second, time.Since(began), "one group, not all of them")
		require.ErrorIs(t, (<-jobs[0].done).err, errAway)
		require.ErrorIs(t, (<-jobs[len(jobs)-1].done).err, ErrStopped)
	})
}

func TestOnlineOfAKeptChannel(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		receivers int
		online    string
	}{"somebody": {2, `,"online":true`}, "nobody": {0, `,"online":false`}, "unknown": {-1, ``}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAPI(t, noDatabase(), &fakeBus{}, with(counting{newFakeKept(), c.receivers}))
			w := a.do(http.MethodPost, "/v1/events?online=true", news)
			require.JSONEq(t, `{"events":[{"channel":"topic:news","seq":1`+c.online+`}]}`, w.Body.String())
			require.NotContains(t, a.publish(news).Body.String(), "online")
		})
	}
}

// Who was online then is not remembered: the answer does not wait for it.
func TestOnlineOfAReplayedKeptEventIsUnknown(t *testing.T) {
	t.Parallel()
	n := startFake(t, &fakeLog{}, &fakeBus{}, with(newFakeKept()))
	for _, replayed := range []bool{false, true} {
		j := newJob("", store.Entry{
			Channels: []event.Channel{"topic:news"}, Type: "a", Data: []byte("1"), Key: &store.Key{Service: "shop", Value: "k"},
		}, true)
		require.NoError(t, n.submit(j))
		o := <-j.done
		require.NoError(t, o.err)
		require.Equal(t, replayed, o.appended.Replayed)
		require.Len(t, j.receivers, 1)
		require.Equal(t, replayed, <-j.receivers == nil)
	}
}

// counting is a kept log on a bus that hands events to so many.
type counting struct {
	*fakeKept
	receivers int
}

func (c counting) Append(ctx context.Context, entries []store.Entry) []store.KeptAppended {
	results := c.fakeKept.Append(ctx, entries)
	for i := range results {
		results[i].Receivers = c.receivers
	}
	return results
}

func TestKeptMetrics(t *testing.T) {
	t.Parallel()
	r := prometheus.NewPedanticRegistry()
	k := newFakeKept()
	a := newAPI(t, &fakeLog{}, &fakeBus{}, with(k), func(c *Config) { c.Registerer = r })
	a.publish(news, "Idempotency-Key", "k")
	a.publish(news, "Idempotency-Key", "k")
	a.publish(`{"channels":["topic:news"],"type":"x","data":1}`, "Idempotency-Key", "k")
	k.before = func([]store.Entry) error { return errAway }
	a.publish(news)
	for _, result := range []string{"written", "replayed", "refused", "failed"} {
		require.InDelta(t, 1, value(t, a.metrics.kept.WithLabelValues(result)), 0, result)
	}
	families, err := r.Gather()
	require.NoError(t, err)
	names := make(map[string]bool)
	for _, f := range families {
		names[f.GetName()] = true
	}
	require.True(t, names["bellhop_notifier_kept_events_total"])
	require.True(t, names["bellhop_notifier_kept_append_seconds"])
	require.True(t, names["bellhop_notifier_kept_queue_rows"])
}
