package store

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

// What a read leaves out because it is large enough is not taken for missing.
func TestReadThatIsLargeEnoughIsNoHole(t *testing.T) {
	t.Parallel()
	d, err := OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "log.db"))
	require.NoError(t, err)
	defer d.Close()
	ranges := make([]Range, rangesPerStatement+2)
	for i := range ranges {
		ranges[i] = Range{Channel: event.Channel(fmt.Sprintf("user:%d", i)), Limit: 100}
	}
	large := bytes.Repeat([]byte("1"), pageBytes/16)
	for i, n := range map[int]int{0: 10, 1: 10, 2: 1, rangesPerStatement: 1} {
		entries := make([]Entry, n)
		for j := range entries {
			entries[j] = Entry{Channels: []event.Channel{ranges[i].Channel}, Type: "note", Data: large}
		}
		_, _, err := d.Append(t.Context(), entries)
		require.NoError(t, err)
	}
	snapshots, err := d.readSnapshots(t.Context(), d.reader, ranges, pageBytes)
	require.NoError(t, err)
	for i := range snapshots {
		p, hole := snapshots[i].Page(ranges[i])
		require.False(t, hole, i)
		require.Equal(t, i > 0, snapshots[i].Cut, i)
		switch i {
		case 0:
			require.Len(t, p.Events, 10)
		case 1:
			require.Len(t, p.Events, 6, "with the first ten it is enough")
			require.EqualValues(t, 6, p.Last)
			require.EqualValues(t, 10, p.Seq)
		default:
			require.Empty(t, p.Events)
			require.Zero(t, p.Last)
		}
	}
	require.EqualValues(t, 1, snapshots[rangesPerStatement].Seq, "the heads are known all the same")
}
