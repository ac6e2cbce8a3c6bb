package notifier

import (
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

func TestKeptChannelsAreWalked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var walked []time.Duration
		var froms []uint64
		k := newFakeKept()
		k.trim = func(from store.KeptCursor) (store.KeptCursor, error) {
			walked, froms = append(walked, time.Since(began)), append(froms, from.Scan)
			switch len(walked) {
			case 1, 3:
				return store.KeptCursor{Scan: from.Scan + 1}, nil
			case 2:
				return store.KeptCursor{}, errAway
			}
			return store.KeptCursor{}, nil
		}
		n := startFake(t, &fakeLog{}, &fakeBus{}, with(k))
		<-time.After(trimEvery * 3 / 2)
		n.Stop()
		require.Equal(t, []uint64{0, 1, 1, 2, 0}, froms, "a step that failed begins where it stood")
		require.Equal(t, stepPause, walked[1])
		require.InDelta(t, ageEvery, walked[2]-walked[1], float64(ageEvery)/10)
		require.Equal(t, stepPause, walked[3]-walked[2])
		require.InDelta(t, trimEvery, walked[4]-walked[3], float64(trimEvery)/10)
		require.InDelta(t, 1, value(t, n.metrics.maintenanceFailed.WithLabelValues("trim-kept")), 0)
	})
}

// What is erased may have been written before its namespace moved to the other log,
// or lost its policy.
func TestPurgeErasesInBothLogs(t *testing.T) {
	t.Parallel()
	k := newFakeKept()
	a := newSQLiteAPI(t, with(k))
	bus := a.cfg.Bus.(*fakeBus)
	for _, ch := range []event.Channel{"topic:news", "room:1", "gone:1", "user:1"} {
		e := store.Entry{Channels: []event.Channel{ch}, Type: "x", Data: []byte(`1`)}
		_, _, err := a.log.Append(t.Context(), []store.Entry{e})
		require.NoError(t, err)
		require.NoError(t, k.Append(t.Context(), []store.Entry{e})[0].Err)

		w := a.do(http.MethodDelete, "/v1/channels/"+string(ch), "", "Authorization", "Bearer admin")
		require.Equal(t, http.StatusNoContent, w.Code, w.Body)
		require.Empty(t, a.events(t, ch), ch)
		require.Equal(t, ch != "user:1", k.head(t, ch).Floor == 1, "%s: inboxes are kept in the database alone", ch)
		require.Equal(t, ch != "topic:news", slices.Equal(bus.seqs(ch), []uint64{1}), "%s: a kept log announces by itself", ch)
	}
}

func TestPurgeThatOneLogCannotDo(t *testing.T) {
	t.Parallel()
	k := newFakeKept()
	a := newAPI(t, awayLog{&fakeLog{}}, &fakeBus{}, with(k))
	require.Equal(t, http.StatusCreated, a.publish(news).Code)
	purge := func(ch string, status int) {
		w := a.do(http.MethodDelete, "/v1/channels/"+ch, "", "Authorization", "Bearer admin")
		require.Equal(t, status, w.Code, w.Body)
		require.NotContains(t, w.Body.String(), "written", "some of it may be done")
	}
	purge("topic:news", http.StatusServiceUnavailable)
	require.EqualValues(t, 1, k.head(t, "topic:news").Floor, "the other one does its part")

	k.before = func([]store.Entry) error { return errAway }
	a = newAPI(t, &fakeLog{}, &fakeBus{}, with(k))
	purge("topic:news", http.StatusServiceUnavailable)
	purge("room:1", http.StatusServiceUnavailable)
	purge("user:1", http.StatusNoContent)
}
