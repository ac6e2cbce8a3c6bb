package store

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestCountsPlan: what the counts by type look at is the unread events and what was
// marked one by one, not the inbox.
func TestCountsPlan(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			d, raw := openEngine(t, engine, 1)
			const unread = 50
			for _, n := range []int{100, 1000, 10_000} {
				fillInbox(t, raw, sized(n), n, n-unread)
			}
			_, err := raw.ExecContext(t.Context(), "ANALYZE TABLE events, read_exceptions, channels")
			require.NoError(t, err)
			for _, n := range []int{100, 1000, 10_000} {
				rows := d.rowsLookedAt(t, func(ctx context.Context) error {
					counts, err := d.Counts(ctx, Range{Channel: sized(n), Through: uint64(n)})
					require.Equal(t, map[string]uint64{"comment": unread - unread/10}, counts.ByType)
					return err
				})
				t.Logf("%d events: %d rows looked at", n, rows)
				require.Less(t, rows, 4*unread, "of %d events", n)
			}
		})
	}
}
