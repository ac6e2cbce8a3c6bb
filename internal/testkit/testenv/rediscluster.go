package testenv

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// slots is how many hash slots a Redis Cluster has.
const slots = 16384

// RedisCluster starts a Cluster of one node. Killed and started again, it is one
// without slots that serves nothing.
func RedisCluster(tb testing.TB) *RedisServer {
	tb.Helper()
	s := RedisClusterNode(tb)
	require.NoError(tb, s.client.ClusterAddSlotsRange(tb.Context(), 0, slots-1).Err())
	require.NoError(tb, poll(nil, func() error {
		info, err := s.client.ClusterInfo(tb.Context()).Result()
		if err == nil && !strings.Contains(info, "cluster_state:ok") {
			err = errors.New(info)
		}
		return err
	}))
	return s
}

// RedisClusterNode starts a server that is to be part of a Cluster: it has no slots,
// and knows no other node.
func RedisClusterNode(tb testing.TB) *RedisServer {
	tb.Helper()
	// By default the nodes talk on a port that is 10,000 higher, which may be
	// taken, or above the highest there is.
	return Redis(tb, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(newPort(tb).number))
}
