package read

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// shared asks a log that says of each channel when the query began.
func shared(t *testing.T, takes time.Duration, err error) (s *Shared, queries func() int, stop func()) {
	t.Helper()
	var asked atomic.Int64
	began := time.Now()
	s = NewShared(func(ctx context.Context, names []event.Channel) (store.Heads, error) {
		asked.Add(1)
		answer := store.Heads{Heads: make([]store.Head, len(names))}
		for i := range names {
			answer.Heads[i].Seq = uint64(time.Since(began)) + uint64(len(names[i]))
		}
		select {
		case <-time.After(takes):
			return answer, err
		case <-ctx.Done():
			return store.Heads{}, ctx.Err()
		}
	}, time.Minute)
	return s, func() int { return int(asked.Load()) }, run(t, s.Run)
}

// Those who ask while a question is under way share the next one, each is told of its
// own channels, and no answer is older than its question.
func TestSharedQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, queries, stop := shared(t, SharedMost/2, nil)
		defer stop()
		began := time.Now()
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				<-time.After(time.Duration(i%2) * time.Millisecond)
				asked := uint64(time.Since(began))
				names := channels("topic:"+"xxxx"[:i%4], 1+i%3)
				got, err := s.Heads(t.Context(), names)
				require.NoError(t, err)
				require.Len(t, got.Heads, len(names))
				for j, h := range got.Heads {
					require.GreaterOrEqual(t, h.Seq, asked+uint64(len(names[j])))
					require.Zero(t, (h.Seq-uint64(len(names[j])))%uint64(time.Millisecond))
				}
			})
		}
		all.Wait()
		require.LessOrEqual(t, queries(), 3)
	})
}

// A question that takes long holds up nobody whose own need not.
func TestSharedQuestionThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, queries, stop := shared(t, time.Hour, nil)
		began := time.Now()
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := s.Heads(ctx, channels("topic:", 1))
				require.ErrorIs(t, err, store.ErrUnavailable)
				require.ErrorIs(t, err, context.DeadlineExceeded)
			})
			synctest.Wait()
		}
		all.Wait()
		require.Equal(t, 2, queries())
		require.Equal(t, time.Second, time.Since(began))
		all.Go(func() {
			_, err := s.Heads(t.Context(), channels("topic:", 1))
			require.ErrorIs(t, err, context.DeadlineExceeded, "the question's own bound")
		})
		all.Wait()
		stop()
		_, err := s.Heads(t.Context(), channels("topic:", 1))
		require.ErrorIs(t, err, store.ErrUnavailable, "nobody puts questions any more")
	})
}

func TestSharedQuestionThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("why")
		s, _, stop := shared(t, 0, why)
		defer stop()
		_, err := s.Heads(t.Context(), channels("topic:", 2))
		require.ErrorIs(t, err, why)
	})
}
