package event_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

func TestMutedIsBounded(t *testing.T) {
	t.Parallel()
	long, many := make([]string, 0, 16), make([]string, 0, 51)
	for i := range 16 {
		long = append(long, strings.Repeat(string(rune('a'+i)), event.MaxType))
	}
	for i := range 51 {
		many = append(many, fmt.Sprint("t", i))
	}
	for what, types := range map[string][]string{
		"too many": many, "too long": long, "twice": {"a", "b", "a"}, "reserved": {"bellhop.read"},
		"a comma": {"a,b"}, "empty": {""}, "one too long": {strings.Repeat("a", event.MaxType+1)},
	} {
		_, err := event.NewMuted(types)
		require.ErrorIs(t, err, event.ErrMuted, what)
	}
	for _, types := range [][]string{{}, {"like"}, {"b", "a"}, long[:15], many[:50]} {
		m, err := event.NewMuted(types)
		require.NoError(t, err)
		require.Equal(t, types, m.Types())
		for _, kind := range types {
			require.True(t, m.Has(kind))
		}
		require.False(t, m.Has("lik"))
		note := &event.Note{Version: 300, Head: 200, Unread: 100, Kind: event.NoteMuted, Muted: m}
		got, rest, err := event.ParseNote(append(note.Append(nil), "rest"...))
		require.NoError(t, err)
		require.Equal(t, note, got)
		require.Equal(t, "rest", string(rest))
	}
}

// A gateway of the version before takes the note for one of a change that it is not told
// more of.
func TestMutedTravelsAsWhatEveryGatewayReads(t *testing.T) {
	t.Parallel()
	b := (&event.Note{Version: 3, Head: 2, Unread: 1, Kind: event.NoteMuted, Muted: ",a,"}).Append(nil)
	require.Equal(t, []byte{1, byte(event.NoteOther), 3, 2, 1, 0, 3, ',', 'a', ','}, b)
	for what, bad := range map[string][]byte{
		"no comma": {1, 0, 3, 2, 1, 0, 1, 'a'}, "cut short": b[:9], "seqs": {1, 0, 3, 2, 1, 0, 2, 1, 1}, "an open end": {1, 0, 3, 2, 1, 0, 2, ',', 'a'},
	} {
		_, _, err := event.ParseNote(bad)
		require.Error(t, err, what)
	}
}
