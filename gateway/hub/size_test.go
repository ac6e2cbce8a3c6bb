package hub

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// TestStreamsAreSmall: a gateway has tens of thousands of these, and a field more
// makes all of them as large as the allocator's next class of sizes.
func TestStreamsAreSmall(t *testing.T) {
	t.Parallel()
	require.LessOrEqual(t, unsafe.Sizeof(Stream{}), uintptr(128))
	require.LessOrEqual(t, unsafe.Sizeof(sub{}), uintptr(112))
	require.LessOrEqual(t, unsafe.Sizeof(channel{}), uintptr(144))
}
