package kept

import (
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// An answer that no script of this version gives is an error, and of an append
// nobody knows then what became of it.
func TestAnswersThatMakeNoSense(t *testing.T) {
	t.Parallel()
	good := []any{"7-3", []any{"time", "1", "type", "a", "data", "1", "expires", "0"}}
	_, err := readEntry(good)
	require.NoError(t, err)
	for name, values := range map[string][]any{
		"too few":        {"e", "1", "0", "1"},
		"no entries":     {"e", "1", "0", "1", "none", int64(0)},
		"a number":       {"e", int64(1), "0", "1", []any{}, int64(0)},
		"no number":      {"e", "one", "0", "1", []any{}, int64(0)},
		"no entry":       {"e", "1", "0", "1", []any{"1-1"}, int64(0)},
		"too few fields": {"e", "1", "0", "1", []any{[]any{"1-1", []any{"time", "1"}}}, int64(0)},
		"no seq":         {"e", "1", "0", "1", []any{[]any{"1", good[1]}}, int64(0)},
	} {
		_, err := readState(reply{values: values})
		require.ErrorIs(t, err, errAnswer, name)
	}
	for _, values := range [][]any{{}, {"e", "1"}, {"e", "one", "0"}, {"e", "1", int64(0)}} {
		_, err := readHeads(reply{values: values}, 1)
		require.ErrorIs(t, err, errAnswer)
	}
	for _, values := range [][]any{
		nil, {nil}, {"OK"}, {[]any{}, []any{}}, {[]any{int64(1)}}, {[]any{"e 1"}}, {[]any{"e one 2"}}, {[]any{"e", "1"}}, {[]any{"refused", int64(1)}},
		{[]any{"e", "1", "now", int64(0)}}, {[]any{"e", int64(1), "2", int64(0)}},
	} {
		results := make([]store.KeptAppended, 1)
		settle(results, []int{0}, reply{values: values}, true)
		a := results[0]
		require.ErrorIs(t, a.Err, errAnswer)
		require.ErrorIs(t, a.Err, store.ErrUnavailable)
		require.NotErrorIs(t, a.Err, store.ErrNotWritten)
		require.Equal(t, -1, a.Receivers)
	}
	broken := errors.New("broken")
	_, err = readState(reply{err: broken})
	require.ErrorIs(t, err, broken)
}

func TestClientThatCannotBeMadeAnew(t *testing.T) {
	t.Parallel()
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	defer ring.Close()
	_, err := NewRedis(ring, Config{}).Heads(t.Context(), []event.Channel{"topic:1"}, true)
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorContains(t, err, "Ring")
}
