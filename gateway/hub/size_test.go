package hub

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway/hub/track"
)

// TestStreamsAreSmall: a gateway has tens of thousands of these, and a field more
// makes all of them as large as the allocator's next class of sizes.
func TestStreamsAreSmall(t *testing.T) {
	t.Parallel()
	require.LessOrEqual(t, unsafe.Sizeof(Stream{}), uintptr(112))
	require.LessOrEqual(t, unsafe.Sizeof(holder{}), uintptr(80))
	require.LessOrEqual(t, unsafe.Sizeof(sub{}), uintptr(112))
	require.LessOrEqual(t, unsafe.Sizeof(channel{}), uintptr(144))
	require.LessOrEqual(t, unsafe.Sizeof(track.Entry{}), uintptr(48), "a mark takes no room")
	require.LessOrEqual(t, unsafe.Sizeof(slot{}), uintptr(80))
}
