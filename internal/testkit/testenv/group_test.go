package testenv

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A group goes on without its primary, has another one when it is told to, and takes
// back who was killed.
func TestGroupsFailOver(t *testing.T) {
	t.Parallel()
	for _, kind := range GroupKinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			g, database := NewGroup(t, kind, 3)
			first := g.Primary()
			first.Exec(t, "CREATE TABLE "+database+".t (id INT PRIMARY KEY)")
			first.Kill(t)
			require.NoError(t, poll(nil, func() error {
				_, err := g.Primary().admin.ExecContext(t.Context(), "INSERT INTO "+database+".t VALUES (1)")
				return err
			}))
			require.NotSame(t, first, g.Primary())
			g.Rejoin(t, first)
			second := g.Primary()
			g.Switch(t)
			require.NotSame(t, second, g.Primary())
			g.Primary().Exec(t, "INSERT INTO "+database+".t VALUES (2)")
			for _, s := range g.Members {
				require.NoError(t, s.reaches(t.Context(), "SELECT COUNT(*) FROM "+database+".t", 2))
			}
		})
	}
}
