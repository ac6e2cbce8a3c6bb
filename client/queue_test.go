package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/client"
)

// outcomes collects what a queue reports.
type outcomes struct {
	events []client.Event
	errs   []error
}

func (o *outcomes) done(e client.Event, _ client.Receipt, err error) {
	o.events = append(o.events, e)
	o.errs = append(o.errs, err)
}

func (o *outcomes) types() (names []string) {
	for _, e := range o.events {
		names = append(names, e.Type)
	}
	return names
}

// held is a fake whose first answer waits for release.
func held() (f *fake, release func()) {
	gate := make(chan struct{})
	f = accepting(nil)
	accept := f.answer
	f.answer = func(n int, c call) (*http.Response, error) {
		<-gate
		return accept(n, c)
	}
	return f, func() { close(gate) }
}

// TestQueueGathersWhileABatchIsUnderWay and keeps the order of what is added.
func TestQueueGathersWhileABatchIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, release := held()
		var o outcomes
		q := newClient(t, f).NewQueue(client.QueueConfig{Done: o.done})
		data := map[string]string{"text": "as it was"}
		first := event("a")
		first.Data = data
		require.NoError(t, q.Add(t.Context(), first))
		data["text"] = "changed later"
		synctest.Wait() // the first is on its way
		for _, typ := range []string{"b", "c", "d"} {
			require.NoError(t, q.Add(t.Context(), event(typ)))
		}
		release()
		require.NoError(t, q.Close(t.Context()))
		calls := f.record()
		require.Equal(t, [][]string{{"a"}, {"b", "c", "d"}}, types(calls))
		require.Equal(t, []string{"a", "b", "c", "d"}, o.types())
		require.Equal(t, []error{nil, nil, nil, nil}, o.errs)
		require.Equal(t, json.RawMessage(`{"text":"as it was"}`), o.events[0].Data)
		require.Equal(t, batchOf(calls[0])[0].Key, o.events[0].IdempotencyKey)
	})
}

func TestFullQueueWaitsOrSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, release := held()
		q := newClient(t, f).NewQueue(client.QueueConfig{Capacity: 2})
		require.NoError(t, q.TryAdd(event("sent")))
		synctest.Wait()
		require.NoError(t, q.TryAdd(event("one")))
		require.NoError(t, q.TryAdd(event("two")))
		require.ErrorIs(t, q.TryAdd(event("three")), client.ErrFull)

		impatient, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, q.Add(impatient, event("four")), context.Canceled)

		added := make(chan error, 1)
		go func() { added <- q.Add(context.Background(), event("five")) }()
		synctest.Wait()
		require.Empty(t, added, "it waits for room")
		release()
		require.NoError(t, <-added)
		require.NoError(t, q.Close(t.Context()))
		require.NoError(t, q.Close(t.Context()), "once more")
		require.ErrorIs(t, q.Add(t.Context(), event("six")), client.ErrClosed)
		require.ErrorIs(t, q.TryAdd(event("six")), client.ErrClosed)
	})
}

func TestQueueRefusesDataThatIsNoJSON(t *testing.T) {
	t.Parallel()
	q := newClient(t, accepting(nil)).NewQueue(client.QueueConfig{})
	var unsupported *json.UnsupportedTypeError
	require.ErrorAs(t, q.TryAdd(client.Event{Data: make(chan int)}), &unsupported)
	require.NoError(t, q.Close(t.Context()))
}

// TestClosingEndsThoseWhoWaitForRoom.
func TestClosingEndsThoseWhoWaitForRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, release := held()
		q := newClient(t, f).NewQueue(client.QueueConfig{Capacity: 1})
		require.NoError(t, q.TryAdd(event("sent")))
		synctest.Wait()
		require.NoError(t, q.TryAdd(event("waits")))
		added := make(chan error, 1)
		go func() { added <- q.Add(context.Background(), event("late")) }()
		synctest.Wait()
		closed := make(chan error, 1)
		go func() { closed <- q.Close(context.Background()) }()
		require.ErrorIs(t, <-added, client.ErrClosed)
		release()
		require.NoError(t, <-closed)
		require.Equal(t, [][]string{{"sent"}, {"waits"}}, types(f.record()))
	})
}

// TestQueueThatIsClosedInAHurryReportsWhatIsLeft.
func TestQueueThatIsClosedInAHurryReportsWhatIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var o outcomes
		q := newClient(t, &hanging{times: 1}).NewQueue(client.QueueConfig{Done: o.done})
		require.NoError(t, q.TryAdd(event("sent")))
		synctest.Wait()
		require.NoError(t, q.TryAdd(event("waits")))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorContains(t, q.Close(ctx), "2 events")
		require.Equal(t, []string{"sent", "waits"}, o.types())
		require.ErrorIs(t, o.errs[0], context.Canceled)
		require.ErrorIs(t, o.errs[1], client.ErrClosed)
	})
}

func TestQueueReportsWhatWasRefused(t *testing.T) {
	t.Parallel()
	var o outcomes
	f := accepting(func(_ int, typ string) (int, string) {
		if typ == "bad" {
			return 403, `{}`
		}
		return 201, ""
	})
	q := newClient(t, f).NewQueue(client.QueueConfig{Done: o.done})
	require.NoError(t, q.Add(t.Context(), event("good")))
	require.NoError(t, q.Add(t.Context(), event("bad")))
	require.ErrorContains(t, q.Close(t.Context()), "1 events")
	require.NoError(t, o.errs[0])
	require.ErrorIs(t, o.errs[1], client.ErrForbidden)
}

// TestQueueTakesFromManyAtOnce: nothing is lost or doubled between them, and each
// one's events stay in order.
func TestQueueTakesFromManyAtOnce(t *testing.T) {
	t.Parallel()
	const writers, each = 8, 200
	f := accepting(nil)
	var o outcomes
	q := newClient(t, f).NewQueue(client.QueueConfig{Capacity: 16, Done: o.done})
	var wg sync.WaitGroup
	failed := make(chan error, writers*each)
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				e := event("w" + strconv.Itoa(w))
				e.Data = i
				if err := q.Add(context.Background(), e); err != nil {
					failed <- err
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, q.Close(t.Context()))
	require.Empty(t, failed)
	require.NoError(t, errors.Join(o.errs...))
	next := map[string]int{}
	for _, c := range f.record() {
		for _, e := range batchOf(c) {
			require.Equal(t, strconv.Itoa(next[e.Type]), string(e.Data))
			next[e.Type]++
		}
	}
	require.Len(t, o.events, writers*each)
	for w := range writers {
		require.Equal(t, each, next["w"+strconv.Itoa(w)])
	}
}
