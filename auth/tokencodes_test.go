package auth_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
)

// TestEachCodeIsDocumented, so that clients can rely on the list.
func TestEachCodeIsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/api.md")
	require.NoError(t, err)
	for _, e := range auth.TokenErrors {
		require.Contains(t, string(page), "`"+e.Code+"`")
	}
}
