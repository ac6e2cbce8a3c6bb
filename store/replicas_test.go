package store

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A replica that is away costs one question now and then, whoever asks.
func TestReplicasThatAreAwayArePassedOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := make(map[string]int)
		away := make(map[string]bool)
		ask := func(_ context.Context, s *server) error {
			asked[s.name]++
			if away[s.name] {
				return errors.New("away")
			}
			return nil
		}
		rs := new(replicas)
		for _, name := range []string{"a", "b"} {
			rs.all = append(rs.all, &replica{server: &server{name: name}})
		}
		for range 100 {
			require.NoError(t, rs.each(t.Context(), ask))
		}
		require.Equal(t, map[string]int{"a": 50, "b": 50}, asked, "they take turns")

		away["a"] = true
		clear(asked)
		for range 600 {
			require.NoError(t, rs.each(t.Context(), ask))
			<-time.After(100 * time.Millisecond)
		}
		require.Equal(t, 600, asked["b"])
		require.LessOrEqual(t, asked["a"], 8, "in a minute")
		require.GreaterOrEqual(t, asked["a"], 5)

		away["a"], away["b"] = false, true
		clear(asked)
		<-time.After(replicaMaxPause)
		for range 10 {
			require.NoError(t, rs.each(t.Context(), ask))
		}
		require.Equal(t, 10, asked["a"], "it is used again")
		require.Equal(t, 1, asked["b"])

		away["a"] = true
		require.Error(t, rs.each(t.Context(), ask))
		require.ErrorIs(t, rs.each(t.Context(), ask), errNoReplica, "nobody is asked while all are passed over")

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		<-time.After(replicaMaxPause)
		require.ErrorIs(t, rs.each(ctx, ask), context.Canceled)
	})
}

// Of many callers one tries a replica whose pause is over, and of many that it
// has failed at once one makes the pause longer.
func TestOneCallerTriesAReplicaAgain(t *testing.T) {
	t.Parallel()
	r := &replica{server: new(server)}
	claims := func(now time.Time) (n int) {
		for range 5 {
			if _, ok := r.claim(now); ok {
				n++
			}
		}
		return n
	}
	now := time.Now()
	require.Equal(t, 5, claims(now))
	for range 5 {
		r.report(0, errors.New("away"), now)
	}
	require.Zero(t, claims(now))
	now = now.Add(replicaMinPause)
	require.Equal(t, 1, claims(now))
	r.report(1, errors.New("away"), now)
	require.Zero(t, claims(now.Add(replicaMinPause)))
	now = now.Add(2 * replicaMinPause)
	require.Equal(t, 1, claims(now))
	r.report(2, nil, now)
	require.Equal(t, 5, claims(now))
}
