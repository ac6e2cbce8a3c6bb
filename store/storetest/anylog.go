package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// anyLog is what logs of both kinds can do: what the same tests need of them.
type anyLog struct {
	append func(context.Context, []store.Entry) ([]store.KeptAppended, error)
	heads  func(ctx context.Context, cs []event.Channel, fresh bool) ([]store.KeptHead, error)
	ranges func(context.Context, []store.Range) ([]store.Page, error)
	all    func(*testing.T, event.Channel) []event.Event // from the beginning to the end
	// kept: channels are kept each by itself. Keys are a channel's own then, and
	// what a Range says about epoch and end is not looked at.
	kept bool
}

func (h Harness) anyLog() anyLog {
	return anyLog{
		append: func(ctx context.Context, entries []store.Entry) ([]store.KeptAppended, error) {
			epoch, results, err := h.DB.Append(ctx, entries)
			out := make([]store.KeptAppended, len(results))
			for i, r := range results {
				out[i] = store.KeptAppended{Appended: r, Epoch: epoch}
			}
			return out, err
		},
		heads: func(ctx context.Context, cs []event.Channel, fresh bool) ([]store.KeptHead, error) {
			heads, err := h.DB.Heads(ctx, cs, fresh)
			out := make([]store.KeptHead, len(heads.Heads))
			for i, head := range heads.Heads {
				out[i] = store.KeptHead{Epoch: heads.Epoch, Head: head}
			}
			return out, err
		},
		ranges: h.DB.Ranges, all: h.all,
	}
}

func (h KeptHarness) anyLog() anyLog {
	l := anyLog{
		append: func(ctx context.Context, entries []store.Entry) ([]store.KeptAppended, error) {
			return h.Log.Append(ctx, entries), nil
		},
		heads: h.Log.Heads, ranges: h.Log.Ranges, kept: true,
	}
	l.all = func(t *testing.T, c event.Channel) []event.Event {
		t.Helper()
		return l.read(t, store.Range{Channel: c})
	}
	return l
}

// read reads a range to its end, page by page.
func (l anyLog) read(t *testing.T, r store.Range) (events []event.Event) {
	t.Helper()
	for r.Limit = 100; ; {
		p := l.page(t, r)
		events = append(events, p.Events...)
		if p.Last >= p.Seq {
			return events
		}
		require.Greater(t, p.Last, r.After, "a page that does not reach the head goes on")
		r.After = p.Last
	}
}

// write appends entries that must succeed.
func (l anyLog) write(t *testing.T, entries ...store.Entry) []store.KeptAppended {
	t.Helper()
	results, err := l.append(t.Context(), entries)
	require.NoError(t, err)
	require.Len(t, results, len(entries))
	for i, r := range results {
		require.NoError(t, r.Err)
		require.True(t, r.Epoch.Valid(), r.Epoch)
		require.Len(t, r.Seqs, len(entries[i].Channels))
	}
	return results
}

// fill appends n events to a channel, with the data 1, 2, 3 and so on.
func (l anyLog) fill(t *testing.T, c event.Channel, n int) event.Epoch {
	t.Helper()
	entries := make([]store.Entry, n)
	for i := range entries {
		entries[i] = entry(strconv.Itoa(i+1), c)
	}
	return l.write(t, entries...)[n-1].Epoch
}

func (l anyLog) head(t *testing.T, c event.Channel) store.KeptHead {
	t.Helper()
	heads, err := l.heads(t.Context(), []event.Channel{c}, false)
	require.NoError(t, err)
	require.Len(t, heads, 1)
	return heads[0]
}

func (l anyLog) page(t *testing.T, r store.Range) store.Page {
	t.Helper()
	pages, err := l.ranges(t.Context(), []store.Range{r})
	require.NoError(t, err)
	require.Len(t, pages, 1)
	return pages[0]
}

const appenders, appendsOfEach = 50, 4

// appendFromMany has many append at once to a channel that is new.
func (l anyLog) appendFromMany(t *testing.T, c event.Channel) {
	t.Helper()
	var mu sync.Mutex
	got := make(map[uint64]string)
	epochs := make(map[event.Epoch]bool)
	var g errgroup.Group
	for i := range appenders {
		g.Go(func() error {
			for j := range appendsOfEach {
				data := strconv.Itoa(i*appendsOfEach + j)
				var results []store.KeptAppended
				err := store.ErrNotWritten
				// On a busy machine some wait for too long, and are told so.
				for try := 0; errors.Is(err, store.ErrNotWritten) && try < 5; try++ {
					if results, err = l.append(t.Context(), []store.Entry{entry(data, c)}); err == nil {
						err = results[0].Err
					}
				}
				if err != nil {
					return err
				}
				mu.Lock()
				got[results[0].Seqs[0]] = data
				epochs[results[0].Epoch] = true
				mu.Unlock()
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
	require.Len(t, got, appenders*appendsOfEach)
	require.Len(t, epochs, 1)
	events := l.all(t, c)
	require.Equal(t, series(1, appenders*appendsOfEach), seqs(events))
	for _, e := range events {
		require.Equal(t, got[e.Seq], string(e.Data), "the seq that was answered names the event")
	}
}

// readWhile reads pages from anywhere below total while trim runs, and expects
// each to be whole.
func (l anyLog) readWhile(t *testing.T, c event.Channel, readers, total, limit int, trim func() error) {
	t.Helper()
	var g errgroup.Group
	done := make(chan struct{})
	g.Go(func() error {
		defer close(done)
		return trim()
	})
	for range readers {
		g.Go(func() error {
			for {
				select {
				case <-done:
					return nil
				default:
				}
				after := uint64(rand.IntN(total))
				pages, err := l.ranges(t.Context(), []store.Range{{Channel: c, After: after, Through: uint64(total), Limit: limit}})
				if err != nil {
					return err
				}
				p := pages[0]
				last := p.Last
				if l.kept { // the head may be below the position
					last = max(last, after, p.Floor)
				}
				if want := series(max(after, p.Floor)+1, last); !slices.Equal(want, seqs(p.Events)) {
					return fmt.Errorf("after %d, floor %d, last %d: %v", after, p.Floor, p.Last, seqs(p.Events))
				}
			}
		})
	}
	require.NoError(t, g.Wait())
}
