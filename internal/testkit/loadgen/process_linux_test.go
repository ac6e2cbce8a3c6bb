package loadgen

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestSample(t *testing.T) {
	t.Parallel()
	u, err := Sample(os.Getpid())
	require.NoError(t, err)
	require.Greater(t, u.RSS, int64(2<<20), "bytes")
	require.Less(t, u.RSS, int64(16<<30))
	require.GreaterOrEqual(t, u.Descriptors, 3)
	var self unix.Rusage
	require.NoError(t, unix.Getrusage(unix.RUSAGE_SELF, &self))
	require.LessOrEqual(t, u.CPU(), time.Duration(self.Utime.Nano()+self.Stime.Nano())+2*tick)
}

func TestUsageSince(t *testing.T) {
	t.Parallel()
	before := Usage{RSS: 10, User: 2 * time.Second, System: 3 * time.Second, Descriptors: 4}
	now := Usage{RSS: 11, User: 5 * time.Second, System: 7 * time.Second, Descriptors: 5}
	require.Equal(t, Usage{RSS: 11, User: 3 * time.Second, System: 4 * time.Second, Descriptors: 5}, now.since(before))
}
