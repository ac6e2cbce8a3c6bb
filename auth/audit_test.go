package auth_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
)

// TestAuditIsAskedForByAPolicyFile, and not kept otherwise.
func TestAuditIsAskedForByAPolicyFile(t *testing.T) {
	t.Parallel()
	const some = "namespaces: {a: {access: public}}\n"
	for text, want := range map[string]time.Duration{some: 0, some + "audit: 365d": 365 * 24 * time.Hour, some + "audit: 36h": 36 * time.Hour} {
		p, err := auth.LoadFile(writeFile(t, text))
		require.NoError(t, err, text)
		require.Equal(t, want, p.Audit())
	}
	require.Zero(t, auth.Builtin().Audit())
	for _, wrong := range []string{"0", "10m", "-1d", "36500d", "true", "{max_age: 1d}"} {
		_, err := auth.LoadFile(writeFile(t, some+"audit: "+wrong))
		require.ErrorIs(t, err, auth.ErrPolicy, wrong)
		require.ErrorContains(t, err, "line 2", wrong)
	}
}
