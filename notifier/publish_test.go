package notifier

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/store"
)

// value reads a counter.
func value(t *testing.T, c prometheus.Metric) float64 {
	t.Helper()
	var m dto.Metric
	require.NoError(t, c.Write(&m))
	return m.GetCounter().GetValue()
}

func TestPublishedIsWhatTheLogHas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := &fakeBus{}
		n := startFake(t, &fakeLog{}, bus)
		e := store.Entry{Channels: []event.Channel{"user:1", "user:2"}, Type: "comment", Data: []byte(`{"n":1.0}`)}
		j := newJob("", e, false)
		submit(t, n, j)
		o := <-j.done
		synctest.Wait()
		for i, ch := range e.Channels {
			require.Equal(t, fanout.Message{
				Channel: ch, Epoch: "e1", Seq: 1,
				Frame: event.NewFrame(&event.Event{Channel: ch, Seq: 1, Type: "comment", Time: o.appended.Time, Data: e.Data}),
			}, bus.messages[i])
			require.True(t, event.ValidFrame(bus.messages[i].Frame))
		}
	})
}

func TestExpiredEventIsPublishedWithoutItsFrame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := &fakeBus{}
		n := startFake(t, &fakeLog{}, bus)
		past, future := testJob("user:1", "a"), testJob("user:2", "a")
		past.entry.ExpiresAt = time.Now()
		future.entry.ExpiresAt = time.Now().Add(time.Second)
		submit(t, n, past, future)
		<-future.done
		synctest.Wait()
		require.Equal(t, fanout.Message{Channel: "user:1", Epoch: "e1", Seq: 1}, bus.messages[0])
		require.NotEmpty(t, bus.messages[1].Frame)
	})
}

// A note follows all events of its pipeline, and nobody's receivers are mixed up.
func TestNotesAreToldAfterTheEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := &fakeBus{}
		n := startFake(t, &fakeLog{}, bus)
		note := &event.Note{Version: 9, Head: 7, Unread: 1, Kind: event.NoteReplaced, Seqs: []uint64{6}}
		first := newJob("", store.Entry{Channels: []event.Channel{"user:1"}, Type: "a", Data: []byte("1")}, true)
		second := newJob("", store.Entry{Channels: []event.Channel{"user:2"}, Type: "a", Data: []byte("1")}, true)
		n.batcher.settle("e1", []*job{first, second}, []store.Appended{
			{Seqs: []uint64{7}, Notes: []store.ChannelNote{{Channel: "user:1", Note: note}}}, {Seqs: []uint64{3}},
		})
		<-first.done
		<-second.done
		require.Len(t, <-first.receivers, 1)
		require.Len(t, <-second.receivers, 1)
		require.Len(t, bus.messages, 3)
		require.Equal(t, event.Channel("user:1"), bus.messages[0].Channel)
		require.Equal(t, event.Channel("user:2"), bus.messages[1].Channel)
		require.Equal(t, fanout.Message{Channel: "user:1", Epoch: "e1", Seq: 7, Note: note}, bus.messages[2])
	})
}

func TestReplayIsNotPublished(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := &fakeBus{}
		n := startFake(t, &fakeLog{}, bus)
		j := newJob("", store.Entry{Channels: []event.Channel{"user:1"}, Type: "a", Data: []byte("1")}, true)
		n.batcher.settle("e1", []*job{j}, []store.Appended{{Seqs: []uint64{7}, Replayed: true}})
		require.Equal(t, []uint64{7}, (<-j.done).appended.Seqs)
		require.Nil(t, <-j.receivers)
		synctest.Wait()
		require.Empty(t, bus.messages)
	})
}

// A bus that does not answer costs a publisher nothing and memory only so much;
// once it is back, fresh events come first.
func TestDeadBusDelaysNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var dead atomic.Bool
		dead.Store(true)
		bus := &fakeBus{on: func(ctx context.Context, _ []fanout.Message) ([]int, error) {
			if dead.Load() {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return nil, nil
		}}
		n := startFake(t, &fakeLog{}, bus)
		began := time.Now()
		lost := testJob("user:1", "lost")
		submit(t, n, lost)
		require.NoError(t, (<-lost.done).err)
		synctest.Wait()
		stale := testJob("user:1", "stale")
		submit(t, n, stale)
		require.NoError(t, (<-stale.done).err)
		require.Zero(t, time.Since(began))

		// The first pipeline ends after publishTimeout, the second, too; what
		// came right after the second began is too old by then.
		<-time.After(publishTimeout + time.Millisecond)
		old := testJob("user:1", "old")
		submit(t, n, old)
		<-old.done
		n.publisher.mu.Lock()
		n.publisher.queued[0] = time.Now().Add(-publishFresh - time.Millisecond)
		n.publisher.mu.Unlock()
		dead.Store(false)
		<-time.After(publishTimeout)
		synctest.Wait()
		fresh := testJob("user:1", "fresh")
		submit(t, n, fresh)
		<-fresh.done
		synctest.Wait()
		require.Equal(t, []uint64{4}, bus.seqs("user:1"))
		require.InDelta(t, 2, value(t, n.metrics.publishFailed), 0)
		require.InDelta(t, 1, value(t, n.metrics.publishDropped.WithLabelValues("stale")), 0)
		require.InDelta(t, 1, value(t, n.metrics.published), 0)
	})
}

func TestPublishQueueIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		bus := &fakeBus{on: func(context.Context, []fanout.Message) ([]int, error) {
			<-gate
			return nil, nil
		}}
		n := startFake(t, &fakeLog{}, bus, func(c *Config) { c.PublishBytes = 2 * (rowOverhead + 1) })
		jobs := make([]*job, 5)
		for i := range jobs {
			jobs[i] = testJob("user:1", strconv.Itoa(i))
			jobs[i].receivers = make(chan []int, 1)
			submit(t, n, jobs[i])
			require.NoError(t, (<-jobs[i].done).err)
			synctest.Wait()
		}
		require.Nil(t, <-jobs[3].receivers)
		require.Nil(t, <-jobs[4].receivers)
		close(gate)
		synctest.Wait()
		require.Equal(t, []uint64{1, 2, 3}, bus.seqs("user:1"))
		require.InDelta(t, 2, value(t, n.metrics.publishDropped.WithLabelValues("full")), 0)
	})
}

func TestReceiversReachThoseWhoAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var failure error
		bus := &fakeBus{on: func(_ context.Context, m []fanout.Message) ([]int, error) {
			receivers := make([]int, len(m))
			for i := range receivers {
				receivers[i] = i - 1
			}
			return receivers, failure
		}}
		n := startFake(t, &fakeLog{}, bus)
		j := newJob("", store.Entry{Channels: []event.Channel{"user:1", "user:2", "user:3"}, Type: "a", Data: []byte("1")}, true)
		submit(t, n, j)
		require.Equal(t, []int{-1, 0, 1}, <-j.receivers)

		synctest.Wait()
		failure = errors.New("the bus is away")
		j = newJob("", j.entry, true)
		submit(t, n, j)
		require.Nil(t, <-j.receivers)
	})
}

func TestReceiversAreDealtOutToTheirEvents(t *testing.T) {
	t.Parallel()
	n := newFake(t, &fakeLog{}, &fakeBus{on: func(_ context.Context, m []fanout.Message) ([]int, error) {
		counts := make([]int, len(m))
		for i := range counts {
			counts[i] = i + 1
		}
		return counts, nil
	}})
	two := newJob("", store.Entry{Channels: []event.Channel{"user:1", "user:2"}, Type: "a", Data: []byte("1")}, true)
	one := newJob("", store.Entry{Channels: []event.Channel{"user:3"}, Type: "a", Data: []byte("1")}, true)
	note := store.ChannelNote{Channel: "user:1", Note: &event.Note{Version: 2, Head: 2}}
	n.publisher.publish([]announcement{
		{job: two, epoch: "e1", appended: store.Appended{Seqs: []uint64{1, 1}, Notes: []store.ChannelNote{note}}},
		{job: one, epoch: "e1", appended: store.Appended{Seqs: []uint64{1}}},
	})
	require.Equal(t, []int{1, 2}, <-two.receivers)
	require.Equal(t, []int{3}, <-one.receivers)
}

func TestPipelinesAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		bus := &fakeBus{on: func(_ context.Context, m []fanout.Message) ([]int, error) {
			bytes := 0
			for i := range m {
				bytes += len(m[i].Frame)
			}
			require.LessOrEqual(t, bytes, publishBytes+len(m)*100)
			sizes = append(sizes, len(m))
			<-time.After(time.Millisecond)
			return nil, nil
		}}
		n := startFake(t, &fakeLog{}, bus)
		channels := make([]event.Channel, 900)
		for i := range channels {
			channels[i] = event.Channel(fmt.Sprintf("user:%d", i))
		}
		for range 6 {
			submit(t, n, newJob("", store.Entry{Channels: channels, Type: "a", Data: []byte("1")}, false))
		}
		large := bytes.Repeat([]byte("1"), 60<<10)
		for i := range 100 {
			submit(t, n, newJob("", store.Entry{Channels: channels[i : i+1], Type: "a", Data: large}, false))
		}
		n.Stop()
		total := 0
		for _, s := range sizes {
			require.LessOrEqual(t, s, publishRows)
			total += s
		}
		require.Equal(t, 6*900+100, total)
	})
}

func TestHintSurvivesADeadBus(t *testing.T) {
	t.Parallel()
	bus := &fakeBus{}
	n := newFake(t, &fakeLog{}, bus)
	m := fanout.Message{Channel: "user:1", Epoch: "e1", Seq: 7}
	n.publisher.hint(t.Context(), m)
	require.Equal(t, []fanout.Message{m}, bus.messages)
	bus.on = func(context.Context, []fanout.Message) ([]int, error) { return nil, errors.New("away") }
	n.publisher.hint(t.Context(), m)
	require.InDelta(t, 1, value(t, n.metrics.publishFailed), 0)
}
