package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// anyLog is what logs of both kinds can do: what the same tests need of them.
type anyLog struct {
	append func(context.Context, []store.Entry) ([]store.KeptAppended, error)
	heads  func(context.Context, []event.Channel) ([]store.KeptHead, error)
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
		heads: func(ctx context.Context, cs []event.Channel) ([]store.KeptHead, error) {
			heads, err := h.DB.Heads(ctx, cs, false)
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
		heads: func(ctx context.Context, cs []event.Channel) ([]store.KeptHead, error) {
			return h.Log.Heads(ctx, cs, false)
		},
		ranges: h.Log.Ranges, kept: true,
	}
	l.all = func(t *testing.T, c event.Channel) []event.Event {
		t.Helper()
		var events []event.Event
		for after := uint64(0); ; {
			p := l.page(t, store.Range{Channel: c, After: after, Limit: 100})
			events = append(events, p.Events...)
			if p.Last >= p.Seq {
				return events
			}
			require.Greater(t, p.Last, after, "a page that does not reach the head goes on")
			after = p.Last
		}
	}
	return l
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
	heads, err := l.heads(t.Context(), []event.Channel{c})
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

// bothTests are passed by logs of both kinds.
var bothTests = map[string]func(*testing.T, anyLog){
	"data comes back byte for byte": func(t *testing.T, l anyLog) {
		c := channels("bytes", 1)[0]
		var want []string
		var entries []store.Entry
		for _, data := range []string{
			`{"n":1.10,"big":12345678901234567890123,"e":1E400}`, `"quote ' back \\ slash \" \u0000 ?"`, `"` + "\u2028 \U0001F514 é" + `"`,
			`null`, `[]`, `""`, `1`, `{"a":1,"a":2}`, `"` + strings.Repeat("x", 300_000) + `"`, `"%s $1 :name"`,
		} {
			want = append(want, data)
			entries = append(entries, entry(data, c))
		}
		l.write(t, entries...)
		events := l.all(t, c)
		require.Len(t, events, len(want))
		for i, e := range events {
			require.True(t, bytes.Equal([]byte(want[i]), e.Data), "event %d", i+1)
		}
	},
	"names that differ only in case are two channels": func(t *testing.T, l anyLog) {
		for _, r := range l.write(t, entry(`1`, "user:Ann"), entry(`2`, "user:ann"), entry(`3`, "user:ann|x/+=~")) {
			require.Equal(t, []uint64{1}, r.Seqs)
		}
		require.Equal(t, "2", datas(l.all(t, "user:ann")))
	},
	"the longest names and values fit": func(t *testing.T, l anyLog) {
		c, err := event.ParseChannel(strings.Repeat("n", event.MaxNamespace) + ":" + strings.Repeat("k", event.MaxKey))
		require.NoError(t, err)
		e := entry(`1`, c)
		e.Type = strings.Repeat("T", event.MaxType)
		if !l.kept {
			e.CollapseKey = strings.Repeat("ü", 127)
		}
		l.write(t, e)
		require.Equal(t, e.Type, l.all(t, c)[0].Type)
	},
	"no entries are nothing": func(t *testing.T, l anyLog) {
		results, err := l.append(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, results)
	},
	"a caller who has left gets nothing written": func(t *testing.T, l anyLog) {
		c := channels("left", 1)[0]
		results, err := l.append(cancelled(), []store.Entry{entry(`1`, c)})
		if l.kept {
			err = results[0].Err
		}
		require.ErrorIs(t, err, store.ErrNotWritten)
		require.Zero(t, l.head(t, c).Seq)
	},
	"a page holds what follows a position, up to the limit": func(t *testing.T, l anyLog) {
		c := channels("page", 1)[0]
		epoch := l.fill(t, c, 100)
		r := store.Range{Channel: c, Epoch: epoch, Through: 100}
		if l.kept {
			r.Epoch, r.Through = "another", 1000
		}
		for _, tt := range []struct {
			after uint64
			limit int
			want  []uint64
			last  uint64
		}{
			{0, 3, series(1, 3), 3},
			{3, 3, series(4, 6), 6},
			{3, 60, series(4, 63), 63},
			{97, 3, series(98, 100), 100},
			{97, 100, series(98, 100), 100},
			{100, 5, []uint64{}, 100},
			{112, 5, []uint64{}, 112}, // a position ahead of the head stays where it is
			{event.MaxSeq, 5, []uint64{}, event.MaxSeq},
		} {
			r.After, r.Limit = tt.after, tt.limit
			p := l.page(t, r)
			require.Equal(t, tt.want, seqs(p.Events), "after %d", tt.after)
			require.Equal(t, tt.last, p.Last, "after %d", tt.after)
			require.EqualValues(t, 100, p.Seq)
			require.Equal(t, epoch, p.Epoch)
			require.False(t, p.Stale)
		}
	},
	"two ranges of one channel": func(t *testing.T, l anyLog) {
		c := channels("same", 1)[0]
		l.fill(t, c, 5)
		pages, err := l.ranges(t.Context(), []store.Range{{Channel: c, After: 3, Through: 5, Limit: 9}, {Channel: c, Through: 5, Limit: 2}})
		require.NoError(t, err)
		require.Equal(t, "4 5", datas(pages[0].Events))
		require.Equal(t, "1 2", datas(pages[1].Events))
	},
	"no question has no answer": func(t *testing.T, l anyLog) {
		pages, err := l.ranges(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, pages)
		heads, err := l.heads(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, heads)
	},
	"the bytes of one answer are bounded, and it can be gone on from": func(t *testing.T, l anyLog) {
		cs := channels("large", 100) // more than one statement reads
		data := `"` + strings.Repeat("z", 60_000) + `"`
		for _, c := range cs {
			l.write(t, slices.Repeat([]store.Entry{entry(data, c)}, 4)...)
		}
		after := make(map[event.Channel]uint64)
		for calls := 1; ; calls++ {
			require.Less(t, calls, 10)
			var ranges []store.Range
			for _, c := range cs {
				if after[c] < 4 {
					ranges = append(ranges, store.Range{Channel: c, After: after[c], Through: 4, Limit: 10})
				}
			}
			if len(ranges) == 0 {
				require.Greater(t, calls, 2)
				return
			}
			pages, err := l.ranges(t.Context(), ranges)
			require.NoError(t, err)
			require.NotEmpty(t, pages[0].Events, "the first range always goes on")
			size := 0
			for i, p := range pages {
				if l.kept {
					require.NotEmpty(t, p.Events, "every range goes on")
				}
				require.EqualValues(t, 4, p.Seq, "the head is known even where no event was read")
				require.Equal(t, series(ranges[i].After+1, p.Last), seqs(p.Events))
				after[p.Channel] = p.Last
				size += len(p.Events) * len(data)
			}
			require.Less(t, size, 9<<20)
		}
	},
	"expired events are left out": func(t *testing.T, l anyLog) {
		c := channels("expired", 1)[0]
		past, soon, late := entry(`"past"`, c), entry(`"soon"`, c), entry(`"late"`, c)
		past.ExpiresAt = time.Now().Add(-time.Hour)
		soon.ExpiresAt = time.Now().Add(300 * time.Millisecond)
		late.ExpiresAt = time.Now().Add(time.Hour)
		l.write(t, past, soon, late)
		eventually(t, func() bool {
			p := l.page(t, store.Range{Channel: c, Through: 3, Limit: 10})
			require.EqualValues(t, 3, p.Last)
			return datas(p.Events) == `"late"`
		})
	},
	"a key with another body harms no neighbour": func(t *testing.T, l anyLog) {
		cs := channels("body", 2)
		l.write(t, keyed(entry(`1`, cs[0]), "shop", "k", "one"))
		results, err := l.append(t.Context(), []store.Entry{keyed(entry(`2`, cs[0]), "shop", "k", "two"), entry(`3`, cs[0]), entry(`4`, cs[1])})
		require.NoError(t, err)
		require.ErrorIs(t, results[0].Err, store.ErrKeyBody)
		require.Nil(t, results[0].Seqs)
		require.Equal(t, []uint64{2}, results[1].Seqs)
		require.Equal(t, []uint64{1}, results[2].Seqs)
	},
	"another service's key is another key": func(t *testing.T, l anyLog) {
		cs := channels("service", 2)
		l.write(t, keyed(entry(`1`, cs[0]), "a", "bc", "x"), keyed(entry(`2`, cs[0]), "ab", "c", "y"), keyed(entry(`3`, cs[0]), "b", "bc", "z"))
		require.EqualValues(t, 3, l.head(t, cs[0]).Seq)
		if l.kept { // and so is another channel's
			l.write(t, keyed(entry(`4`, cs[1]), "a", "bc", "other"))
			require.EqualValues(t, 1, l.head(t, cs[1]).Seq)
		}
	},
	"a key twice in one call counts once": func(t *testing.T, l anyLog) {
		cs := channels("twice", 2)
		c, other := cs[0], cs[1]
		if l.kept {
			other = c
		}
		e := keyed(entry(`1`, c), "shop", "k", "same")
		results, err := l.append(t.Context(), []store.Entry{e, e, keyed(entry(`2`, other), "shop", "k", "other"), entry(`3`, cs[1])})
		require.NoError(t, err)
		require.Equal(t, []uint64{1}, results[0].Seqs)
		require.False(t, results[0].Replayed)
		require.Equal(t, store.Appended{Seqs: []uint64{1}, Time: results[0].Time, Replayed: true}, results[1].Appended)
		require.ErrorIs(t, results[2].Err, store.ErrKeyBody)
		require.Equal(t, []uint64{1}, results[3].Seqs)

		results, err = l.append(t.Context(), []store.Entry{e, e})
		require.NoError(t, err)
		require.True(t, results[0].Replayed)
		require.Equal(t, results[0].Appended, results[1].Appended)
		require.EqualValues(t, 1, l.head(t, c).Seq)
	},
	"fifty appenders to one channel leave no hole": func(t *testing.T, l anyLog) { l.appendFromMany(t, channels("hot", 1)[0]) },
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
