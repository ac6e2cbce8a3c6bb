package store

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestAgePlan: what a notifier looks at to age the tail does not grow with the rows
// that are too young, of which a busy log has a hundred thousand.
func TestAgePlan(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			d, raw := openEngine(t, engine, 1)
			m, err := d.readMeta(t.Context(), d.primary)
			require.NoError(t, err)
			young := func(from, to int) {
				var rows []string
				for id := from; id <= to; id++ {
					rows = append(rows, fmt.Sprintf("(%d, X'%032x', %d, X'01')", id, id, m.Now))
				}
				_, err := raw.ExecContext(t.Context(), "INSERT INTO commits (id, token, at, changes) VALUES "+strings.Join(rows, ","))
				require.NoError(t, err)
				_, err = raw.ExecContext(t.Context(), "ANALYZE TABLE commits")
				require.NoError(t, err)
			}
			age := func(ctx context.Context) error { _, err := d.AgeOut(ctx); return err }
			young(1, 1000)
			require.NoError(t, age(t.Context()))
			few := d.rowsLookedAt(t, age)
			young(1001, 20_000)
			require.LessOrEqual(t, d.rowsLookedAt(t, age), few+12)
		})
	}
}
