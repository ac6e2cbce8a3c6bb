package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/client"
)

func TestBatchReportsEachEvent(t *testing.T) {
	t.Parallel()
	f := accepting(func(_ int, typ string) (int, string) {
		if typ == "bad" {
			return 422, `{"detail":"the request breaks a rule","errors":[{"location":"body.events[1].type","detail":"no"}]}`
		}
		return 201, ""
	})
	results, err := newClient(t, f).PublishBatch(t.Context(),
		[]client.Event{event("a"), event("bad"), {Type: "chan", Data: make(chan int)}, event("b")})
	require.ErrorIs(t, err, client.ErrInvalid)
	require.ErrorContains(t, err, "2 of 4 events")
	require.Len(t, results, 4)
	require.NoError(t, results[0].Err)
	require.Equal(t, []client.Position{{Channel: "user:42", Seq: 1}}, results[0].Events)
	var refusal *client.Error
	require.ErrorAs(t, results[1].Err, &refusal)
	require.True(t, refusal.NotWritten)
	require.Equal(t, 1, refusal.Attempts)
	require.Equal(t, "no", refusal.Fields[0].Detail)
	var unsupported *json.UnsupportedTypeError
	require.ErrorAs(t, results[2].Err, &unsupported)
	require.NoError(t, results[3].Err)

	calls := f.record()
	require.Equal(t, [][]string{{"a", "bad", "b"}}, types(calls))
	require.Equal(t, "/v1/events/batch", calls[0].uri)
	require.Empty(t, calls[0].header.Get("Idempotency-Key"), "in a batch each event has its own")
	require.NotEmpty(t, batchOf(calls[0])[0].Key)
}

func TestEmptyBatchSendsNothing(t *testing.T) {
	t.Parallel()
	f := accepting(nil)
	results, err := newClient(t, f).PublishBatch(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, results)
	require.Empty(t, f.record())
}

// TestOnlyWhatFailedForNowIsRepeated, under the keys that it had.
func TestOnlyWhatFailedForNowIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := accepting(func(n int, typ string) (int, string) {
			switch {
			case typ == "bad":
				return 413, `{}`
			case typ == "late" && n < 3:
				return 503, `{"written":false}`
			case typ == "never":
				return 503, `{}`
			}
			return 201, ""
		})
		results, err := newClient(t, f).PublishBatch(t.Context(), []client.Event{event("a"), event("late"), event("bad"), event("never")})
		require.ErrorIs(t, err, client.ErrTooLarge)
		require.NoError(t, results[0].Err)
		require.NoError(t, results[1].Err)
		var refusal *client.Error
		require.ErrorAs(t, results[3].Err, &refusal)
		require.False(t, refusal.NotWritten)
		calls := f.record()
		require.Equal(t, len(calls), refusal.Attempts)
		require.Equal(t, [][]string{{"a", "late", "bad", "never"}, {"late", "never"}, {"late", "never"}, {"late", "never"}, {"never"}}, types(calls)[:5])
		require.Equal(t, batchOf(calls[0])[1].Key, batchOf(calls[3])[0].Key)
		require.Equal(t, batchOf(calls[0])[3].Key, refusal.IdempotencyKey)
	})
}

// TestBatchIsSplitAsTheNotifierWants: by events, by appends, by data, and so that
// a key does not occur twice.
func TestBatchIsSplitAsTheNotifierWants(t *testing.T) {
	t.Parallel()
	many := make([]client.Event, 1200)
	for i := range many {
		many[i] = event("e")
	}
	wide := make([]client.Event, 7)
	for i := range wide {
		wide[i] = event("e")
		wide[i].Channels = make([]string, 1000)
	}
	heavy := make([]client.Event, 5)
	for i := range heavy {
		heavy[i] = event("e")
		heavy[i].Channels = []string{"user:1", "user:2", "user:3"}
		heavy[i].Data = strings.Repeat("x", 1<<20)
	}
	nowhere := make([]client.Event, 2)
	for i := range nowhere {
		nowhere[i] = event("e")
		nowhere[i].Channels = []string{}
		nowhere[i].Data = strings.Repeat("x", 4<<20)
	}
	monster := event("e")
	monster.Channels = make([]string, 9000)
	keyed := event("e")
	keyed.IdempotencyKey = "k"
	for _, tt := range []struct {
		name   string
		events []client.Event
		want   []int
	}{
		{"events", many, []int{500, 500, 200}},
		{"appends", wide, []int{5, 2}},
		{"data", heavy, []int{2, 2, 1}},
		{"data for no channel, which is sent all the same", nowhere, []int{1, 1}},
		{"one that is too large", []client.Event{event("e"), monster, event("e")}, []int{1, 1, 1}},
		{"keys", []client.Event{keyed, event("e"), keyed, keyed}, []int{2, 1, 1}},
	} {
		f := accepting(nil)
		_, err := newClient(t, f).PublishBatch(t.Context(), tt.events)
		require.NoError(t, err)
		var sizes []int
		for _, names := range types(f.record()) {
			sizes = append(sizes, len(names))
		}
		require.Equal(t, tt.want, sizes, tt.name)
	}
}

// TestEventThatCannotBeSentHarmsNoNeighbour: nothing of it is sent, and nothing
// is repeated for it.
func TestEventThatCannotBeSentHarmsNoNeighbour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var broken []client.Event
		for _, key := range []string{"line\nfeed", " ends", "ends ", "ключ", "\x7f", strings.Repeat("k", 256)} {
			e := event("key")
			e.IdempotencyKey = key
			broken = append(broken, e)
		}
		late := event("late")
		late.ExpiresAt = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
		for _, e := range append(broken, late) {
			f := accepting(nil)
			c := newClient(t, f)
			began := time.Now()
			_, err := c.Publish(t.Context(), e)
			require.Error(t, err, "%+v", e)
			require.Equal(t, e.Type == "key", errors.Is(err, client.ErrInvalid), err)
			results, err := c.PublishBatch(t.Context(), []client.Event{event("a"), e, event("b")})
			require.ErrorContains(t, err, "1 of 3 events")
			require.NoError(t, results[0].Err)
			require.Error(t, results[1].Err)
			require.NoError(t, results[2].Err)
			q := c.NewQueue(client.QueueConfig{})
			require.Error(t, q.Add(t.Context(), e))
			require.NoError(t, q.Close(t.Context()))
			require.Zero(t, time.Since(began))
			require.Equal(t, [][]string{{"a", "b"}}, types(f.record()))
		}
		longest := event("ok")
		longest.IdempotencyKey = strings.Repeat("k k", 85)
		_, err := newClient(t, inTurn(status(201, created))).Publish(t.Context(), longest)
		require.NoError(t, err)
	})
}

// TestBatchGoesOnWhereItBroke: the events behind a request that failed wait for
// it, so that a channel keeps its order over an outage.
func TestBatchGoesOnWhereItBroke(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := accepting(nil)
		accept := f.answer
		f.answer = func(n int, c call) (*http.Response, error) {
			if n == 1 {
				return nil, io.ErrUnexpectedEOF
			}
			return accept(n, c)
		}
		var events []client.Event
		for i := range 1100 {
			events = append(events, event(fmt.Sprintf("e%d", i)))
		}
		_, err := newClient(t, f).PublishBatch(t.Context(), events)
		require.NoError(t, err)
		var firsts []string
		for _, names := range types(f.record()) {
			firsts = append(firsts, names[0])
		}
		require.Equal(t, []string{"e0", "e500", "e500", "e1000"}, firsts)
	})
}

func TestBatchThatIsRefusedAsAWholeFailsForEach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			name       string
			answer     func() (*http.Response, error)
			kind       error
			notWritten []bool // of the first and the last of 600
			calls      int    // at least
		}{
			{"key", status(401, `{"detail":"a service key is needed"}`), client.ErrUnauthorized, []bool{true, true}, 2},
			{"away", broken(io.EOF), client.ErrUnavailable, []bool{false, true}, 2},
			{"not as many results", status(200, `{"results":[]}`), client.ErrUnavailable, []bool{false, true}, 2},
		} {
			f := inTurn(tt.answer)
			events := make([]client.Event, 600)
			for i := range events {
				events[i] = event("e")
			}
			results, err := newClient(t, f, func(c *client.Config) { c.RetryFor = time.Second }).PublishBatch(t.Context(), events)
			require.ErrorIs(t, err, tt.kind, tt.name)
			require.GreaterOrEqual(t, len(f.record()), tt.calls, tt.name)
			keys := map[string]bool{}
			for _, r := range results {
				var refusal *client.Error
				require.ErrorAs(t, r.Err, &refusal, tt.name)
				keys[refusal.IdempotencyKey] = true
			}
			require.Len(t, keys, len(events), "%s: each error is that of its event", tt.name)
			for i, at := range []int{0, 599} {
				var refusal *client.Error
				require.ErrorAs(t, results[at].Err, &refusal, tt.name)
				require.Equal(t, tt.notWritten[i], refusal.NotWritten, "%s: event %d", tt.name, at)
			}
		}
	})
}
