package event_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

func TestNoteIsReadAsItWasPacked(t *testing.T) {
	t.Parallel()
	all := make([]uint64, event.MaxNoteSeqs)
	for i := range all {
		all[i] = uint64(i+1) * 7
	}
	for _, n := range []event.Note{
		{},
		{Version: 9, Head: 17, Unread: 3, Kind: event.NoteRead, UpTo: 17},
		{Version: math.MaxInt64, Head: event.MaxSeq, Unread: 1, Kind: event.NoteUnread, Seqs: []uint64{1, 2, event.MaxSeq}},
		{Version: 1, Kind: event.NoteReplaced, Seqs: all},
		{Version: 2, Head: 9, Unread: 4, Kind: event.NoteSeen, UpTo: 9},
		{Version: 2, Head: 9, Unread: 4, Kind: event.NoteArchived, Seqs: []uint64{3, 4}},
		{Version: 2, Head: 9, Unread: 4, Kind: event.NoteRenewed, Seqs: []uint64{3, 4}},
	} {
		b := append(n.Append(nil), "rest"...)
		got, rest, err := event.ParseNote(b)
		require.NoError(t, err)
		require.Equal(t, &n, got)
		require.Equal(t, "rest", string(rest))
		require.False(t, event.ValidFrame(b), "nobody takes it for a frame")
	}
}

func TestParseNoteRefuses(t *testing.T) {
	t.Parallel()
	good := (&event.Note{Version: 300, Head: 300, Unread: 300, Kind: event.NoteRead, UpTo: 300, Seqs: []uint64{300, 600}}).Append(nil)
	for n := range good {
		_, _, err := event.ParseNote(good[:n])
		require.Error(t, err, "cut after %d bytes", n)
	}
	for name, b := range map[string][]byte{
		"another mark":     append([]byte{2}, good[1:]...),
		"a frame":          []byte("event: a\ndata: {}\n"),
		"an unknown kind":  {1, 5, 1, 1, 1, 1, 0},
		"too many seqs":    {1, 1, 1, 1, 1, 1, 0xe9, 7},
		"seqs that repeat": {1, 1, 1, 1, 1, 1, 2, 3, 0},
		"a version beyond a column": append([]byte{1, 1}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
			1, 1, 1, 0),
	} {
		_, _, err := event.ParseNote(b)
		require.Error(t, err, name)
	}
}

//fuzz:least 3000
func FuzzParseNote(f *testing.F) {
	f.Add((&event.Note{Version: 9, Head: 17, Unread: 3, Kind: event.NoteRead, UpTo: 17}).Append(nil))
	f.Add((&event.Note{Version: 9, Head: 17, Kind: event.NoteRemoved, Seqs: []uint64{1, 5, 17}}).Append(nil))
	f.Add([]byte{1, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		n, _, err := event.ParseNote(b)
		if err != nil {
			return
		}
		again, rest, err := event.ParseNote(n.Append(nil))
		require.NoError(t, err)
		require.Empty(t, rest)
		require.Equal(t, n, again)
	})
}
