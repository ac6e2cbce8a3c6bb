package track

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWhatHappensHasARow: whatever the hub tells a channel or a listener is in a row of
// docs/architecture.md, so that nobody who reads the tables misses a rule. What only says
// how things are has none.
func TestWhatHappensHasARow(t *testing.T) {
	t.Parallel()
	const says = " Name Rules Filled Awaited Memory Waiting Placed Away Shown At Left "
	page, err := os.ReadFile("../../../docs/architecture.md")
	require.NoError(t, err)
	_, tables, ok := strings.Cut(string(page), "### The life of a channel")
	require.True(t, ok)
	tables, _, ok = strings.Cut(tables, "### Words")
	require.True(t, ok)
	found := regexp.MustCompile(`(?m)^func \(\w+ \*?(Channel|Listener)\) ([A-Z]\w*)\(`).FindAllStringSubmatch(source(t, "."), -1)
	require.Greater(t, len(found), 30)
	for _, f := range found {
		if !strings.Contains(says, " "+f[2]+" ") {
			require.Contains(t, tables, "`"+f[1]+"."+f[2]+"`")
		}
	}
}
