package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// A migration that was cut off between its statement and the note of it runs again, and a
// program that knows nothing of the column goes on making channels.
func TestMigrationOfMutedRunsAgain(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			d, raw := openEngine(t, engine, 1)
			_, err := d.Mute(t.Context(), "user:a", ",like,")
			require.NoError(t, err)
			_, err = raw.ExecContext(t.Context(), "DELETE FROM "+schemaTable+" WHERE version_id >= 7")
			require.NoError(t, err)
			require.ErrorIs(t, d.CheckSchema(t.Context()), ErrSchema)
			require.NoError(t, d.Migrate(t.Context()))
			muted, err := d.Muted(t.Context(), "user:a")
			require.NoError(t, err)
			require.Equal(t, event.Muted(",like,"), muted)
			h := hashOf("user:b")
			_, err = raw.ExecContext(t.Context(), "INSERT INTO channels (hash, name, head, floor, version, unread, read_up_to) VALUES (?, 'user:b', 0, 0, 0, 0, 0)", h[:])
			require.NoError(t, err)
		})
	}
}
