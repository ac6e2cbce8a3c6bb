package app

import (
	"os"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCollectLess(t *testing.T) {
	before := debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	t.Setenv("GOGC", "50")
	CollectLess()
	require.Equal(t, 100, debug.SetGCPercent(100), "what somebody set stays")
	require.NoError(t, os.Unsetenv("GOGC"))
	CollectLess()
	require.Equal(t, heapGrowth, debug.SetGCPercent(100))
}
