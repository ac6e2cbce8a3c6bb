package fanout

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSlotOf has the examples of the Cluster's specification, and of CLUSTER KEYSLOT.
func TestSlotOf(t *testing.T) {
	t.Parallel()
	for name, slot := range map[string]int{
		"123456789": 0x31c3 % slotCount, "": 0, "foo": 12182, "bellhop:{foo}": 12182, "{foo}{bar}": 12182,
	} {
		require.Equal(t, slot, slotOf(name), name)
	}
	require.NotEqual(t, slotOf("foo{}{bar}"), slotOf("bar"), "empty braces enclose nothing")
	for slot, tag := range slotTags() {
		require.Equal(t, slot, slotOf("bellhop:!probe:x{"+tag+"}"))
	}
}
