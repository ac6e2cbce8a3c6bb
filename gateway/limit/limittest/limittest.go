// Package limittest is the suite that every limit.Counter passes.
package limittest

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway/limit"
)

// patience is longer than a place that was given back may stay taken elsewhere.
const (
	patience = 10 * time.Second
	tick     = 5 * time.Millisecond
)

// Run runs the suite. newFleet makes a fleet of its own for each test, and
// returns what joins another member to it.
func Run(t *testing.T, newFleet func(t *testing.T) (join func() limit.Counter)) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, func() limit.Counter){
		"ExactUnderConcurrency": exact,
		"PlacesComeBack":        comeBack,
		"UsersAreApart":         apart,
		"CloseFreesAll":         closeFrees,
		"ReleaseTooOften":       tooOften,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			join := newFleet(t)
			test(t, func() limit.Counter {
				c := join()
				t.Cleanup(func() { require.NoError(t, c.Close()) })
				return c
			})
		})
	}
}

// exact: of 200 who come at once to two members, 32 get a place, not one more and
// not one less.
func exact(t *testing.T, join func() limit.Counter) {
	t.Helper()
	const comers, most = 200, 32
	members := []limit.Counter{join(), join()}
	var taken atomic.Int64
	var all sync.WaitGroup
	for i := range comers {
		all.Go(func() {
			if members[i%2].Acquire(t.Context(), "mina", most) {
				taken.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, most, taken.Load())
}

func comeBack(t *testing.T, join func() limit.Counter) {
	t.Helper()
	a, b := join(), join()
	require.True(t, a.Acquire(t.Context(), "mina", 2))
	require.True(t, b.Acquire(t.Context(), "mina", 2))
	require.False(t, a.Acquire(t.Context(), "mina", 2))
	require.False(t, b.Acquire(t.Context(), "mina", 2))
	a.Release("mina")
	require.Eventually(t, func() bool { return b.Acquire(t.Context(), "mina", 2) }, patience, tick)
	require.False(t, a.Acquire(t.Context(), "mina", 2))
}

func apart(t *testing.T, join func() limit.Counter) {
	t.Helper()
	c := join()
	for i := range 20 {
		require.True(t, c.Acquire(t.Context(), strconv.Itoa(i), 1))
		require.False(t, c.Acquire(t.Context(), strconv.Itoa(i), 1))
	}
}

func closeFrees(t *testing.T, join func() limit.Counter) {
	t.Helper()
	a, b := join(), join()
	for range 3 {
		require.True(t, a.Acquire(t.Context(), "mina", 3))
	}
	require.False(t, b.Acquire(t.Context(), "mina", 3))
	require.NoError(t, a.Close())
	require.NoError(t, a.Close(), "twice")
	require.Eventually(t, func() bool { return b.Acquire(t.Context(), "mina", 3) }, patience, tick)
	a.Release("mina") // of a stream that ends late
	require.True(t, b.Acquire(t.Context(), "mina", 3))
	require.True(t, b.Acquire(t.Context(), "mina", 3))
	require.False(t, b.Acquire(t.Context(), "mina", 3))
}

func tooOften(t *testing.T, join func() limit.Counter) {
	t.Helper()
	c := join()
	c.Release("mina")
	require.True(t, c.Acquire(t.Context(), "mina", 1))
	require.False(t, c.Acquire(t.Context(), "mina", 1))
	c.Release("mina")
	c.Release("mina")
	require.True(t, c.Acquire(t.Context(), "mina", 1))
	require.False(t, c.Acquire(t.Context(), "mina", 1))
}
