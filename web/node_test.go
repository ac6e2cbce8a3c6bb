package web

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// nodeTimeout bounds the client's own tests, which take seconds.
const nodeTimeout = 3 * time.Minute

// TestClient runs the tests of the client's parts, which are written in its own
// language: against fakes of the browser and of the gateway, on a clock of their own.
func TestClient(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("test/*.test.js")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	ctx, cancel := context.WithTimeout(t.Context(), nodeTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, testenv.Node(t), append([]string{"--test"}, files...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Regexp(t, `(?m)^\S pass [1-9]\d*$`, string(out), "no test was run")
}

// TestTypes: the declarations say what pages need and nothing that is not so, and
// the sources keep to what their comments say.
func TestTypes(t *testing.T) {
	t.Parallel()
	tsc := filepath.Join(testenv.NodeModules(t, testenv.NPM(t)), "typescript", "bin", "tsc")
	ctx, cancel := context.WithTimeout(t.Context(), nodeTimeout)
	defer cancel()
	for _, project := range []string{"page", "sources"} {
		out, err := exec.CommandContext(ctx, testenv.Node(t), tsc, "-p", filepath.Join("testdata", "types", project+".json")).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
}
