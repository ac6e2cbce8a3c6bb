package gateway

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/store"
)

// revocationTable answers as a database does, two at a time.
type revocationTable struct {
	mu    sync.Mutex
	list  []store.Revocation
	asked atomic.Int64
	fails func(asked int64) bool
}

func (l *revocationTable) add(subject string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, store.Revocation{Subject: subject, At: at})
}

func (l *revocationTable) Revocations(_ context.Context, since time.Time) (page []store.Revocation, more bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := l.asked.Add(1); l.fails != nil && l.fails(n) {
		return nil, false, errors.New("away")
	}
	for _, v := range l.list {
		if v.At.Before(since) {
			continue
		}
		if len(page) == 2 {
			return page, true, nil
		}
		page = append(page, v)
	}
	return page, false, nil
}

// revocationsOf mirrors a table until the test ends. Call it in a synctest bubble.
func revocationsOf(t *testing.T, table *revocationTable) *Revocations {
	t.Helper()
	r := NewRevocations(t.Context(), table, 0, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

func revoked(r *Revocations, subject string) bool { return r.Cover(subject, time.Time{}) }

// TestRevocationsAreReadToTheEnd, page by page, and not all of them again.
func TestRevocationsAreReadToTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		table := new(revocationTable)
		for i := range 7 {
			table.add(strconv.Itoa(i), time.Now().Add(time.Duration(i-7)*time.Hour))
		}
		r := revocationsOf(t, table)
		require.NoError(t, r.Ready(t.Context()))
		for i := range 7 {
			require.True(t, revoked(r, strconv.Itoa(i)))
		}
		require.False(t, revoked(r, "zoe"))
		require.EqualValues(t, 4, table.asked.Load())
		<-time.After(revocationEvery + time.Second)
		synctest.Wait()
		require.EqualValues(t, 5, table.asked.Load(), "one page has the newest")
	})
}

// TestReadingThatBreaksOffEndsStreams: what it brought counts, though the next
// reading finds nothing new in it.
func TestReadingThatBreaksOffEndsStreams(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		table := &revocationTable{fails: func(asked int64) bool { return asked == 3 }}
		r := revocationsOf(t, table)
		heard := make(chan bool, 10)
		r.listen(func() { heard <- revoked(r, "mina") })
		for _, subject := range []string{"mina", "zoe", "omar"} {
			table.add(subject, time.Now())
			<-time.After(time.Millisecond)
		}
		r.Soon()
		synctest.Wait() // one page, then the failure
		require.Len(t, heard, 1)
		require.True(t, <-heard)
		<-time.After(revocationRetry + time.Second)
		synctest.Wait()
		require.True(t, revoked(r, "omar"), "and the rest is read soon")
		require.Len(t, heard, 1)
	})
}

// TestRevocationOfTheFutureHidesNoOther: a primary's clock was a day ahead, or two
// years, and is right again.
func TestRevocationOfTheFutureHidesNoOther(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{24 * time.Hour, 2 * store.RevocationLife} {
		synctest.Test(t, func(t *testing.T) {
			table := new(revocationTable)
			table.add("mina", time.Now().Add(-time.Hour))
			r := revocationsOf(t, table)
			table.add("zoe", time.Now().Add(ahead))
			r.Soon()
			synctest.Wait()
			require.True(t, revoked(r, "zoe"))
			require.True(t, revoked(r, "mina"), "is remembered")
			table.mu.Lock()
			table.list = slices.Insert(table.list, 1, store.Revocation{Subject: "omar", At: time.Now()})
			table.mu.Unlock()
			r.Soon()
			synctest.Wait()
			require.True(t, revoked(r, "omar"))
		})
	}
}

// TestRevocationsAreForgotten when every token has ended that they could be about.
func TestRevocationsAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		table := new(revocationTable)
		table.add("mina", time.Now().Add(-store.RevocationLife-time.Second))
		table.add("zoe", time.Now().Add(-auth.MaxTokenLife))
		table.add("omar", time.Now())
		r := revocationsOf(t, table)
		require.False(t, revoked(r, "mina"))
		require.True(t, revoked(r, "zoe"), "a token may still live")
		require.True(t, revoked(r, "omar"))
	})
}
