package storetest

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

func nothingSeen(store.Mark) bool    { return false }
func everythingSeen(store.Mark) bool { return true }

func (h Harness) tail(t *testing.T, after store.Mark, seen func(store.Mark) bool) store.Tail {
	t.Helper()
	tail, err := h.DB.Tail(t.Context(), after, seen)
	require.NoError(t, err)
	return tail
}

func marks(commits []store.Commit) []store.Mark {
	out := make([]store.Mark, len(commits))
	for i := range commits {
		out[i] = commits[i].Mark
	}
	return out
}

var tailTests = map[string]func(*testing.T, Harness){
	"an empty tail says where it is": func(t *testing.T, h Harness) {
		tail := h.tail(t, store.Mark{}, nothingSeen)
		require.Equal(t, store.Tail{Epoch: h.epoch(t), Low: 1}, tail)
		require.Equal(t, store.Mark{ID: 7}, h.tail(t, store.Mark{ID: 7}, nothingSeen).Last)
		require.Equal(t, store.Mark{ID: event.MaxSeq}, h.tail(t, store.Mark{ID: 1<<63 + 5}, nothingSeen).Settled)
	},
	"every transaction leaves one row with its channels and heads": func(t *testing.T, h Harness) {
		cs := channels("tail", 3)
		h.write(t, entry(`1`, cs[0], cs[1]), entry(`2`, cs[1]))
		h.write(t, entry(`3`, cs[2]))
		tail := h.tail(t, store.Mark{}, nothingSeen)
		require.Len(t, tail.Commits, 2)
		require.ElementsMatch(t, []store.Change{{Channel: cs[0], Head: 1}, {Channel: cs[1], Head: 2}}, tail.Commits[0].Changes)
		require.Equal(t, []store.Change{{Channel: cs[2], Head: 1}}, tail.Commits[1].Changes)
		require.Less(t, tail.Commits[0].ID, tail.Commits[1].ID)
		require.Equal(t, tail.Commits[1].Mark, tail.Last)
		require.Equal(t, tail.Last, tail.Settled)
		require.False(t, tail.Lost)
		require.NotEqual(t, tail.Commits[0].Token, tail.Commits[1].Token)
		require.Equal(t, h.epoch(t), tail.Epoch)

		require.Equal(t, tail.Commits[1:], h.tail(t, tail.Commits[0].Mark, nothingSeen).Commits)
		require.Empty(t, h.tail(t, tail.Last, nothingSeen).Commits)
	},
	"rows that were seen are not returned again": func(t *testing.T, h Harness) {
		h.fill(t, inbox, 1)
		first := h.tail(t, store.Mark{}, nothingSeen).Commits[0].Token
		h.fill(t, inbox, 1)
		tail := h.tail(t, store.Mark{}, func(m store.Mark) bool { return m.Token == first })
		require.Len(t, tail.Commits, 1)
		require.EqualValues(t, 2, tail.Commits[0].Changes[0].Head)
		last := tail.Last
		tail = h.tail(t, store.Mark{}, everythingSeen)
		require.Empty(t, tail.Commits)
		require.Equal(t, last, tail.Last)
	},
	// Ids do not commit in order: the tail is re-read from before, and a row is
	// known by its token even where another one has had its id.
	"a row with a lower id that comes late is found by its token": func(t *testing.T, h Harness) {
		h.fill(t, inbox, 1)
		seen := make(map[store.Token]bool)
		remember := func(m store.Mark) bool {
			was := seen[m.Token]
			seen[m.Token] = true
			return was
		}
		tail := h.tail(t, store.Mark{}, remember)
		h.exec(t, "UPDATE commits SET id = id + 10")
		tail = h.tail(t, store.Mark{ID: tail.Last.ID - 1}, remember)
		require.Empty(t, tail.Commits)
		token := []byte(rand.Text()[:16])
		h.exec(t, "INSERT INTO commits (id, token, at, changes) SELECT id - 5, ?, at, changes FROM commits", token)
		tail = h.tail(t, store.Mark{}, remember)
		require.Len(t, tail.Commits, 1)
		require.Equal(t, store.Token(token), tail.Commits[0].Token)
		require.Less(t, tail.Commits[0].ID, tail.Last.ID)
	},
	"a long tail comes in parts": func(t *testing.T, h Harness) {
		cs := channels("long"+strings.Repeat("g", 80), 1000)
		const transactions = 160 // of some 100 KB of changes each
		h.write(t, entry(`1`, cs...))
		for i := 2; i <= transactions; i++ {
			h.exec(t, "INSERT INTO commits (id, token, at, changes) SELECT ?, ?, at, changes FROM commits WHERE id = 1", i, []byte(rand.Text()[:16]))
		}
		var got []uint64
		after, calls := store.Mark{}, 0
		for ; after.ID < transactions; calls++ {
			tail := h.tail(t, after, nothingSeen)
			require.Greater(t, tail.Last.ID, after.ID)
			require.Equal(t, tail.Last, tail.Settled)
			for _, c := range tail.Commits {
				got = append(got, c.ID)
				require.Len(t, c.Changes, len(cs))
			}
			require.Equal(t, tail.Commits[len(tail.Commits)-1].Mark, tail.Last)
			after = tail.Last
		}
		require.Equal(t, series(1, transactions), got)
		require.Greater(t, calls, 1)
	},
	// A transaction that is under way holds back what is settled; everything
	// below it is.
	"a missing id ends what is settled": func(t *testing.T, h Harness) {
		for range 6 {
			h.fill(t, inbox, 1)
		}
		rows := marks(h.tail(t, store.Mark{}, nothingSeen).Commits)
		h.exec(t, "DELETE FROM commits WHERE id = ?", rows[3].ID)
		for _, seen := range []func(store.Mark) bool{nothingSeen, everythingSeen} {
			tail := h.tail(t, rows[0], seen)
			require.Equal(t, rows[2], tail.Settled)
			require.Equal(t, rows[5], tail.Last)
			require.False(t, tail.Lost)
		}
	},
	// A crash can take transactions with it that were committed and seen, and
	// what comes then gets their ids.
	"a row that is gone, or is another, is noticed": func(t *testing.T, h Harness) {
		for range 3 {
			h.fill(t, inbox, 1)
		}
		rows := marks(h.tail(t, store.Mark{}, nothingSeen).Commits)
		last := rows[2]
		require.False(t, h.tail(t, last, nothingSeen).Lost)
		token := []byte(rand.Text()[:16])
		h.exec(t, "UPDATE commits SET token = ? WHERE id = ?", token, last.ID)
		require.True(t, h.tail(t, last, nothingSeen).Lost)
		h.exec(t, "DELETE FROM commits WHERE id = ?", last.ID)
		require.True(t, h.tail(t, last, nothingSeen).Lost)
		require.False(t, h.tail(t, store.Mark{ID: last.ID}, nothingSeen).Lost, "nobody has seen a row there")
		h.exec(t, "DELETE FROM commits")
		h.exec(t, "UPDATE tail SET low = ?", last.ID+1)
		require.False(t, h.tail(t, last, nothingSeen).Lost, "it went by age")
	},
	"a row of another format is an error": func(t *testing.T, h Harness) {
		h.fill(t, inbox, 1)
		for _, broken := range []string{"", "\x02", "\x01\x00", "\x01\x00\x09user:a", "\x01\x00\x06user:a", "\x01\x00\x06user:a\x80"} {
			h.exec(t, "UPDATE commits SET changes = ?", []byte(broken))
			_, err := h.DB.Tail(t.Context(), store.Mark{}, nothingSeen)
			require.ErrorContains(t, err, "commit", "%q", broken)
		}
	},
}
