package store

import (
	"bytes"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

// TestAnswerOfTwoServersIsBoundedAsOne: what the primary adds to the pages of a replica
// that lags is within the same bound, and the first range goes on.
func TestAnswerOfTwoServersIsBoundedAsOne(t *testing.T) {
	t.Parallel()
	open := func(name string) *DB {
		d, err := OpenSQLite(t.Context(), filepath.Join(t.TempDir(), name))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, d.Close()) })
		return d
	}
	primary, behind := open("primary.db"), open("behind.db")
	large := bytes.Repeat([]byte("1"), pageBytes/16)
	write := func(d *DB, c event.Channel) {
		_, _, err := d.Append(t.Context(), slices.Repeat([]Entry{{Channels: []event.Channel{c}, Type: "note", Data: large}}, 20))
		require.NoError(t, err)
	}
	write(primary, "user:new")
	write(primary, "user:old")
	write(behind, "user:old")
	primary.replicas.all = []*replica{{server: behind.reader}}
	pages, err := primary.Ranges(t.Context(), []Range{{Channel: "user:new", Through: 20, Limit: 100}, {Channel: "user:old", Through: 20, Limit: 100}})
	require.NoError(t, err)
	require.NotEmpty(t, pages[0].Events)
	require.NotEmpty(t, pages[1].Events)
	require.LessOrEqual(t, (len(pages[0].Events)+len(pages[1].Events))*len(large), pageBytes+len(large))
	for _, p := range pages {
		require.EqualValues(t, 20, p.Seq)
		require.EqualValues(t, len(p.Events), p.Last)
	}
}
