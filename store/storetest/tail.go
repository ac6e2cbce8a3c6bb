package storetest

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

func nothingSeen(store.Token) bool    { return false }
func everythingSeen(store.Token) bool { return true }

func (h Harness) tail(t *testing.T, after uint64, seen func(store.Token) bool) store.Tail {
	t.Helper()
	tail, err := h.DB.Tail(t.Context(), after, seen)
	require.NoError(t, err)
	return tail
}

var tailTests = map[string]func(*testing.T, Harness){
	"an empty tail says where it is": func(t *testing.T, h Harness) {
		tail := h.tail(t, 0, nothingSeen)
		require.Equal(t, store.Tail{Epoch: h.epoch(t), Low: 1}, tail)
		require.EqualValues(t, 7, h.tail(t, 7, nothingSeen).Last)
		require.EqualValues(t, event.MaxSeq, h.tail(t, 1<<63+5, nothingSeen).Last)
	},
	"every transaction leaves one row with its channels and heads": func(t *testing.T, h Harness) {
		cs := channels("tail", 3)
		h.write(t, entry(`1`, cs[0], cs[1]), entry(`2`, cs[1]))
		h.write(t, entry(`3`, cs[2]))
		tail := h.tail(t, 0, nothingSeen)
		require.Len(t, tail.Commits, 2)
		require.ElementsMatch(t, []store.Change{{Channel: cs[0], Head: 1}, {Channel: cs[1], Head: 2}}, tail.Commits[0].Changes)
		require.Equal(t, []store.Change{{Channel: cs[2], Head: 1}}, tail.Commits[1].Changes)
		require.Less(t, tail.Commits[0].ID, tail.Commits[1].ID)
		require.Equal(t, tail.Commits[1].ID, tail.Last)
		require.NotEqual(t, tail.Commits[0].Token, tail.Commits[1].Token)
		require.Equal(t, h.epoch(t), tail.Epoch)

		require.Equal(t, tail.Commits[1:], h.tail(t, tail.Commits[0].ID, nothingSeen).Commits)
		require.Empty(t, h.tail(t, tail.Last, nothingSeen).Commits)
	},
	"rows that were seen are not returned again": func(t *testing.T, h Harness) {
		c := channels("seen", 1)[0]
		h.fill(t, c, 1)
		first := h.tail(t, 0, nothingSeen).Commits[0].Token
		h.fill(t, c, 1)
		tail := h.tail(t, 0, func(token store.Token) bool { return token == first })
		require.Len(t, tail.Commits, 1)
		require.EqualValues(t, 2, tail.Commits[0].Changes[0].Head)
		last := tail.Last
		tail = h.tail(t, 0, everythingSeen)
		require.Empty(t, tail.Commits)
		require.Equal(t, last, tail.Last)
	},
	// Ids do not commit in order: the tail is re-read from before, and a row is
	// known by its token even where another one has had its id.
	"a row with a lower id that comes late is found by its token": func(t *testing.T, h Harness) {
		c := channels("late", 1)[0]
		h.fill(t, c, 1)
		seen := make(map[store.Token]bool)
		remember := func(token store.Token) bool {
			was := seen[token]
			seen[token] = true
			return was
		}
		tail := h.tail(t, 0, remember)
		h.exec(t, "UPDATE commits SET id = id + 10")
		tail = h.tail(t, tail.Last-1, remember)
		require.Empty(t, tail.Commits)
		token := make([]byte, 16)
		rand.Read(token)
		h.exec(t, "INSERT INTO commits (id, token, at, changes) SELECT id - 5, ?, at, changes FROM commits", token)
		tail = h.tail(t, 0, remember)
		require.Len(t, tail.Commits, 1)
		require.Equal(t, store.Token(token), tail.Commits[0].Token)
		require.Less(t, tail.Commits[0].ID, tail.Last)
	},
	"a long tail comes in parts": func(t *testing.T, h Harness) {
		cs := channels("long"+strings.Repeat("g", 80), 1000)
		const transactions = 160 // of some 100 KB of changes each
		h.write(t, entry(`1`, cs...))
		for i := 2; i <= transactions; i++ {
			token := make([]byte, 16)
			rand.Read(token)
			h.exec(t, "INSERT INTO commits (id, token, at, changes) SELECT ?, ?, at, changes FROM commits WHERE id = 1", i, token)
		}
		var got []uint64
		after, calls := uint64(0), 0
		for ; after < transactions; calls++ {
			tail := h.tail(t, after, nothingSeen)
			require.Greater(t, tail.Last, after)
			for _, c := range tail.Commits {
				got = append(got, c.ID)
				require.Len(t, c.Changes, len(cs))
			}
			require.Equal(t, tail.Commits[len(tail.Commits)-1].ID, tail.Last)
			after = tail.Last
		}
		require.Equal(t, series(1, transactions), got)
		require.Greater(t, calls, 1)
	},
	"a row of another format is an error": func(t *testing.T, h Harness) {
		h.fill(t, channels("format", 1)[0], 1)
		for _, broken := range []string{"", "\x02", "\x01\x00", "\x01\x00\x09user:a", "\x01\x00\x06user:a", "\x01\x00\x06user:a\x80"} {
			h.exec(t, "UPDATE commits SET changes = ?", []byte(broken))
			_, err := h.DB.Tail(t.Context(), 0, nothingSeen)
			require.ErrorContains(t, err, "commit", "%q", broken)
		}
	},
}
