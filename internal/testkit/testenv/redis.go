package testenv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// RedisServer is a private redis-server. It keeps nothing on disk: one that is
// killed and started again is empty.
type RedisServer struct {
	*server
	client *redis.Client
}

// redisVariable has the path of another server to test on than Debian's redis-server.
const redisVariable = "BELLHOP_TEST_REDIS"

// Redis starts a redis-server for one test, or the server that BELLHOP_TEST_REDIS
// names, such as a valkey-server. Further arguments are passed on to it.
func Redis(tb testing.TB, args ...string) *RedisServer {
	tb.Helper()
	s := &RedisServer{server: newServer(tb, cmp.Or(os.Getenv(redisVariable), "redis-server"))}
	s.process.args = append([]string{
		"--port", strconv.Itoa(s.port.number), "--bind", "127.0.0.1", "--dir", s.dir,
		"--save", "", "--appendonly", "no", "--daemonize", "no",
	}, args...)
	// Without retries: a command of a test fails at once where it has to.
	s.client = redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true})
	s.ready = answers(s.Addr, s.client.Ping)
	tb.Cleanup(func() { _ = s.client.Close() })
	s.Start()
	return s
}

// answers asks a server whether it answers a PING.
func answers[C interface{ Err() error }](addr string, ping func(context.Context) C) func() error {
	return func() error {
		if err := listening(addr); err != nil {
			return err // go-redis would print each try
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return ping(ctx).Err()
	}
}

// URL is the server's address as configuration takes it, "redis://127.0.0.1:6379".
func (s *RedisServer) URL() string { return "redis://" + s.Addr }

// Client is for what a test does to the server behind the back of the code under
// test. It does not retry.
func (s *RedisServer) Client() *redis.Client { return s.client }

// Sentinel starts a Redis Sentinel that watches the server at an address, host:port,
// under the name "main", and returns its own address.
func Sentinel(tb testing.TB, master string) string {
	tb.Helper()
	s := newServer(tb, "redis-server")
	// A sentinel writes what it learns into its configuration.
	file := filepath.Join(s.dir, "sentinel.conf")
	host, port, err := net.SplitHostPort(master)
	require.NoError(tb, err)
	conf := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor main %s %s 1\n", s.port.number, s.dir, host, port)
	require.NoError(tb, os.WriteFile(file, []byte(conf), 0o600))
	s.process.args = []string{file, "--sentinel"}
	client := redis.NewSentinelClient(&redis.Options{Addr: s.Addr, MaxRetries: -1, DialerRetries: 1})
	defer client.Close()
	s.ready = answers(s.Addr, client.Ping)
	s.Start()
	return s.Addr
}

// slots is how many hash slots a Redis Cluster has.
const slots = 16384

// RedisCluster starts a Cluster of one node, with further arguments if there are any.
// Killed and started again, it is one without slots that serves nothing.
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
