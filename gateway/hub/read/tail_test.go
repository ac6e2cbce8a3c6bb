package read

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/wait"
	"github.com/bellhop/bellhop/store"
)

// tailFake is a log with a tail and who hears of it. Rows with an id below low are gone.
type tailFake struct {
	mu    sync.Mutex
	epoch event.Epoch
	low   uint64
	rows  []uint64
	most  int // rows of one answer
	lost  bool
	err   error
	heard []string
}

func (f *tailFake) Tail(_ context.Context, after store.Mark, seen func(store.Mark) bool) (store.Tail, error) {
	f.sayf("read from %d", after.ID)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return store.Tail{}, f.err
	}
	got := store.Tail{Epoch: f.epoch, Low: f.low, Lost: f.lost, Last: after}
	f.lost = false
	if after.ID < f.low {
		got.Last = store.Mark{ID: f.low - 1}
	}
	got.Settled = got.Last
	for _, id := range f.rows {
		if id <= after.ID {
			continue
		}
		m := store.Mark{ID: id, Token: store.Token{byte(id), f.epoch[0]}}
		if id == got.Settled.ID+1 {
			got.Settled = m
		}
		got.Last = m
		if !seen(m) {
			got.Commits = append(got.Commits, store.Commit{Mark: m, Changes: []store.Change{{Head: id}}})
		}
	}
	if len(got.Commits) > f.most { // then it reached as far as what it returns
		got.Commits = got.Commits[:f.most]
		got.Last = got.Commits[f.most-1].Mark
		if got.Settled.ID > got.Last.ID {
			got.Settled = got.Last
		}
	}
	return got, nil
}

func (f *tailFake) sayf(format string, what ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.heard = append(f.heard, fmt.Sprintf(format, what...))
}

func (f *tailFake) TailDue()                               {}
func (f *tailFake) TailCut(first bool)                     { f.sayf("cut %v", first) }
func (f *tailFake) TailFailed(error)                       { f.sayf("failed") }
func (f *tailFake) TailRead(event.Epoch, bool)             {}
func (f *tailFake) Changed(_ event.Epoch, c *store.Change) { f.sayf("row %d", c.Head) }

// becomes changes the log.
func (f *tailFake) becomes(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// since returns what was heard since the last call.
func (f *tailFake) since() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	heard := f.heard
	f.heard = nil
	return heard
}

// reads has a tail read each row at its period, one second apart, and returns how to
// end that. Overlap is ten periods.
func reads(t *testing.T, f *tailFake) (tail *Tail, stop func()) {
	t.Helper()
	f.most = max(f.most, 10)
	tail = NewTail(f, f, Schedule{Period: time.Second, Suspect: 10 * time.Millisecond, InDoubt: func() bool { return false }}, 10*time.Second, time.Minute)
	stop = run(t, tail.Run)
	synctest.Wait()
	return tail, stop
}

// second lets a period pass.
func second() {
	<-time.After(time.Second)
	synctest.Wait()
}

// The first reading takes the position alone. A later one hands over what is new, once,
// and goes back to the first id that is missing until it appears, or is given up after
// the overlap.
func TestTailGoesBackToTheFirstGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &tailFake{epoch: "e", low: 1, rows: []uint64{1, 2, 3}}
		tail, stop := reads(t, f)
		require.Equal(t, []string{"read from 0", "cut true"}, f.since())
		f.becomes(func() { f.rows = append(f.rows, 5) })
		second()
		require.Equal(t, []string{"read from 3", "row 5"}, f.since())
		second()
		require.Equal(t, []string{"read from 3"}, f.since(), "5 was handed over")
		f.becomes(func() { f.rows = []uint64{1, 2, 3, 4, 5, 7} })
		second()
		require.Equal(t, []string{"read from 3", "row 4", "row 7"}, f.since())
		for range 9 {
			second()
			require.Equal(t, []string{"read from 5"}, f.since())
		}
		second()
		second()
		require.Equal(t, "read from 7", f.since()[1], "6 was rolled back")
		stop()
		base, rows, readings := tail.Remembered()
		require.EqualValues(t, 7, base)
		require.Zero(t, rows)
		require.LessOrEqual(t, readings, 1)
	})
}

// More than one answer holds is read at once, without a wait for the period.
func TestTailReadsOnWhereAnAnswerIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &tailFake{epoch: "e", low: 1, most: 10}
		_, stop := reads(t, f)
		defer stop()
		f.since()
		for id := range uint64(35) {
			f.becomes(func() { f.rows = append(f.rows, id+1) })
		}
		second()
		<-time.After(10 * lookDebounce)
		synctest.Wait()
		var rows []string
		for _, what := range f.since() {
			if what[:3] == "row" {
				rows = append(rows, what)
			}
		}
		require.Len(t, rows, 35)
		require.Equal(t, "row 35", rows[34])
	})
}

// Another epoch, a server that lost rows and rows that went by age before they were
// read are cuts, and all rows from there on are handed over.
func TestTailThatCannotGoOnIsCut(t *testing.T) {
	for what, happens := range map[string]func(f *tailFake){
		"another epoch": func(f *tailFake) { f.epoch = "f" },
		"lost":          func(f *tailFake) { f.lost = true },
		"by age":        func(f *tailFake) { f.low, f.rows = 8, []uint64{8, 9} },
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &tailFake{epoch: "e", low: 1, rows: []uint64{1, 2}}
			_, stop := reads(t, f)
			defer stop()
			f.since()
			f.becomes(func() { happens(f) })
			second()
			heard := f.since()
			require.Equal(t, []string{"read from 2", "cut false"}, heard[:2], what)
			second()
			again := slices.Concat(heard, f.since())
			for _, id := range f.rows {
				require.Contains(t, again, fmt.Sprintf("row %d", id), what)
			}
		})
	}
}

// Nothing is remembered of a life of the log that has ended.
func TestTailForgetsAnEndedEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &tailFake{epoch: "e", low: 1, rows: []uint64{1, 2, 9}}
		tail, stop := reads(t, f)
		second()
		f.becomes(func() { f.epoch, f.rows = "f", []uint64{1} })
		second()
		second()
		stop()
		_, rows, _ := tail.Remembered()
		require.Zero(t, rows)
	})
}

// A reading without an answer is told, and the next one takes the same rows.
func TestTailWithoutAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &tailFake{epoch: "e", low: 1}
		tail, stop := reads(t, f)
		defer stop()
		f.since()
		f.becomes(func() { f.rows, f.err = []uint64{1}, errors.New("away") })
		second()
		require.Equal(t, []string{"read from 0", "failed"}, f.since())
		f.becomes(func() { f.err = nil })
		tail.Soon()
		<-time.After(lookDebounce)
		synctest.Wait()
		require.Equal(t, []string{"read from 0", "row 1"}, f.since())
	})
}

// A log is looked at sooner while the bus is in doubt, and soon after somebody asked.
func TestSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		doubt := false
		s := Schedule{Period: time.Minute, Suspect: time.Second, InDoubt: func() bool { return doubt }}
		asked := wait.NewSignal()
		wait := func() time.Duration {
			began := time.Now()
			require.True(t, s.Wait(t.Context(), asked))
			return time.Since(began)
		}
		require.Equal(t, time.Minute, wait())
		doubt = true
		require.Equal(t, time.Second, wait())
		asked.Raise()
		asked.Raise()
		require.Equal(t, lookDebounce, wait())
		require.Equal(t, time.Second, wait(), "many signals are one")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.False(t, s.Wait(ctx, asked))
	})
}
