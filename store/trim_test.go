package store

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

// A channel in which much is to be taken away holds up neither the other channels
// nor the rest of the maintenance: each step of the walk takes some, and goes on.
func TestTrimLeavesTheRestToOthers(t *testing.T) {
	t.Parallel()
	d, err := OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "log.db"))
	require.NoError(t, err)
	defer d.Close()
	channels := []event.Channel{"user:1", "user:2", "user:3"}
	entries := make([]Entry, 3*trimPerStep/2)
	for i := range entries {
		entries[i] = Entry{Channels: channels, Type: "note", Data: []byte(`1`)}
	}
	_, _, err = d.Append(t.Context(), entries)
	require.NoError(t, err)
	var at TrimCursor
	step := func() {
		at, err = d.trim(t.Context(), at, func(event.Channel) Retention { return Retention{MaxCount: 1} }, 0)
		require.NoError(t, err)
	}
	floors := func() (sum uint64) {
		heads, err := d.Heads(t.Context(), channels, false)
		require.NoError(t, err)
		for _, h := range heads.Heads {
			require.Contains(t, []uint64{0, trimPerStep, uint64(len(entries) - 1)}, h.Floor)
			sum += h.Floor
		}
		return sum
	}
	for i := range channels {
		step()
		require.EqualValues(t, (i+1)*trimPerStep, floors())
		require.NotZero(t, at)
	}
	step()
	require.Zero(t, at, "the walk is through")
	require.EqualValues(t, len(channels)*trimPerStep, floors())
	for range channels {
		step()
	}
	require.EqualValues(t, len(channels)*(len(entries)-1), floors(), "the next one finishes it")
}

func TestTrimPassesOverADamagedChannel(t *testing.T) {
	t.Parallel()
	d, err := OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "log.db"))
	require.NoError(t, err)
	defer d.Close()
	keys := byHash([]event.Channel{"user:1", "user:2", "user:3"})
	for range 3 {
		for _, k := range keys {
			_, _, err := d.Append(t.Context(), []Entry{{Channels: []event.Channel{k.name}, Type: "note", Data: []byte(`1`)}})
			require.NoError(t, err)
		}
	}
	_, err = d.primary.ExecContext(t.Context(), fmt.Sprintf(
		"CREATE TRIGGER held BEFORE DELETE ON events WHEN OLD.channel = X'%x' BEGIN SELECT RAISE(ABORT, 'held'); END", keys[0].hash))
	require.NoError(t, err)
	at, err := d.trim(t.Context(), TrimCursor{}, func(event.Channel) Retention { return Retention{MaxCount: 1} }, time.Hour)
	require.NoError(t, err)
	require.Zero(t, at)
	var left []int
	require.NoError(t, d.primary.SelectContext(t.Context(), &left, "SELECT COUNT(*) FROM events GROUP BY channel ORDER BY channel"))
	require.Equal(t, []int{3, 1, 1}, left)
}

// Of a purge that is cut short nobody is told that nothing happened.
func TestPurgeThatIsCutShort(t *testing.T) {
	t.Parallel()
	d, err := OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "log.db"))
	require.NoError(t, err)
	defer d.Close()
	const c event.Channel = "user:1"
	_, _, err = d.Append(t.Context(), []Entry{{Channels: []event.Channel{c}, Type: "note", Data: []byte(`1`)}})
	require.NoError(t, err)
	_, err = d.primary.ExecContext(t.Context(), "CREATE TRIGGER held BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'held'); END")
	require.NoError(t, err)

	err = d.Purge(t.Context(), c)
	require.ErrorIs(t, err, ErrUnavailable)
	require.NotErrorIs(t, err, ErrNotWritten)
	pages, err := d.Ranges(t.Context(), []Range{{Channel: c, Limit: 1}})
	require.NoError(t, err)
	require.Empty(t, pages[0].Events, "out of reach from the first moment on")
	require.EqualValues(t, 1, pages[0].Floor)

	_, err = d.primary.ExecContext(t.Context(), "DROP TRIGGER held")
	require.NoError(t, err)
	_, err = d.Trim(t.Context(), TrimCursor{}, func(event.Channel) Retention { return Retention{} })
	require.NoError(t, err)
	var left int
	require.NoError(t, d.primary.GetContext(t.Context(), &left, "SELECT COUNT(*) FROM events"))
	require.Zero(t, left)
}
