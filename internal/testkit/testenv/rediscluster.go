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

// RedisCluster starts a Cluster of one node, with further arguments if there are any. Killed and started again, it is one
// without slots that serves nothing.
func RedisCluster(tb testing.TB, args ...string) *RedisServer {
	tb.Helper()
	s := RedisClusterNode(tb, args...)
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

// ProxiedRedisCluster is RedisCluster behind a proxy: its node says that it is there.
func ProxiedRedisCluster(tb testing.TB) (*RedisServer, *TCPProxy) {
	tb.Helper()
	s := RedisCluster(tb)
	p := Proxy(tb, s.Addr)
	host, port, _ := strings.Cut(p.Addr, ":")
	require.NoError(tb, s.client.ConfigSet(tb.Context(), "cluster-announce-ip", host).Err())
	require.NoError(tb, s.client.ConfigSet(tb.Context(), "cluster-announce-port", port).Err())
	return s, p
}

// RedisClusterNode starts a server that is to be part of a Cluster: it has no slots,
// and knows no other node.
func RedisClusterNode(tb testing.TB, args ...string) *RedisServer {
	tb.Helper()
	// By default the nodes talk on a port that is 10,000 higher, which may be
	// taken, or above the highest there is.
	return Redis(tb, append([]string{"--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(newPort(tb).number)}, args...)...)
}
