package hub

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/hub/read"
	"github.com/bellhop/bellhop/store"
)

func TestListsShareFewQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		const lists = 1000
		names := make([]event.Channel, lists)
		for i := range names {
			names[i] = event.Channel(fmt.Sprint("user:", i))
			for range i % 4 {
				r.log.add(names[i])
			}
		}
		r.log.set(func(l *fakeLog) {
			l.onHeads = func([]event.Channel) { <-time.After(5 * time.Millisecond) }
		})
		var all sync.WaitGroup
		for i := range names {
			all.Go(func() {
				pair := []event.Channel{names[i], names[lists-1-i]}
				got, err := r.hub.Heads(t.Context(), pair)
				if err != nil || len(got.Heads) != 2 || got.Epoch != "e1" || got.Stale {
					t.Errorf("%v, %v", got, err)
					return
				}
				for j, at := range []int{i, lists - 1 - i} {
					if h := got.Heads[j]; h.Channel != pair[j] || h.Seq != uint64(at%4) {
						t.Errorf("%v of %s", h, pair[j])
					}
				}
			})
		}
		all.Wait()
		heads, _ := r.log.queries()
		require.LessOrEqual(t, heads, 2)
	})
}

// What was acknowledged before the list was asked for is in it, even if a question
// was under way by then.
func TestListIsNotAnsweredByAQuestionUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		gate := make(chan struct{})
		r.log.set(func(l *fakeLog) { l.onHeads = func([]event.Channel) { <-gate } })
		list := func() <-chan store.Heads {
			answer := make(chan store.Heads, 1)
			go func() {
				got, err := r.hub.Heads(t.Context(), []event.Channel{inbox})
				if err != nil {
					t.Error(err)
				}
				answer <- got
			}()
			synctest.Wait()
			return answer
		}
		first := list()
		r.log.add(inbox)
		second := list()
		close(gate)
		require.Zero(t, (<-first).Heads[0].Seq)
		require.EqualValues(t, 1, (<-second).Heads[0].Seq)
	})
}

// The primary is frozen: lists wait for their own question, not for those of others.
func TestListsDoNotWaitForASlowQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.log.set(func(l *fakeLog) {
			l.onHeads = func([]event.Channel) { <-time.After(3 * time.Second) }
		})
		start := time.Now()
		var all sync.WaitGroup
		for range 100 {
			<-time.After(10 * time.Millisecond)
			all.Go(func() {
				asked := time.Now()
				if _, err := r.hub.Heads(t.Context(), []event.Channel{inbox}); err != nil || time.Since(asked) > 3*time.Second+read.SharedMost {
					t.Errorf("after %v: %v", time.Since(asked), err)
				}
			})
		}
		all.Wait()
		require.Less(t, time.Since(start), 5*time.Second)
		heads, _ := r.log.queries()
		require.LessOrEqual(t, heads, 12)
	})
}

func TestListThatNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		ask := func(ctx context.Context) error {
			got, err := r.hub.Heads(ctx, []event.Channel{inbox})
			require.Empty(t, got)
			require.ErrorIs(t, err, store.ErrUnavailable)
			return err
		}
		r.log.set(func(l *fakeLog) { l.away, l.replica = true, nil })
		require.NotErrorIs(t, ask(t.Context()), context.Canceled)
		gate := make(chan struct{})
		defer close(gate)
		r.log.set(func(l *fakeLog) { l.away, l.onHeads = false, func([]event.Channel) { <-gate } })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, ask(ctx), context.DeadlineExceeded)
		time.AfterFunc(time.Second, r.hub.stop)
		require.ErrorIs(t, ask(t.Context()), context.Canceled, "the hub is closed")
	})
}
