package track

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// TestAPageIsCutToWhatItsListenerLacks: a page is shared by all who asked for a part of
// it, and each holds about pageBytes of what follows its own position.
func TestAPageIsCutToWhatItsListenerLacks(t *testing.T) {
	t.Parallel()
	r := &store.Range{Epoch: "e1", After: 10}
	p := &store.Page{Epoch: "e1", Last: 20}
	entries := make([]Entry, 10)
	for i := range entries {
		entries[i] = Entry{Seq: uint64(11 + i), Block: make([]byte, pageBytes/4)}
	}
	seqs := func(at uint64) (first, last uint64) {
		page := Cut(r, p, entries, event.Position{Epoch: "e1", Seq: at})
		return page.entries[0].Seq, page.last
	}
	for at, want := range map[uint64][2]uint64{10: {11, 14}, 13: {14, 17}, 18: {19, 20}} {
		first, last := seqs(at)
		require.Equal(t, want, [2]uint64{first, last}, "after %d", at)
	}
	require.Nil(t, Cut(r, p, entries, event.Position{Epoch: "e2", Seq: 10}), "a page of another epoch is none")
}
