package testenv

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// Sentinel starts a Redis Sentinel that watches a server under the name "main",
// and returns its address.
func Sentinel(tb testing.TB, master *RedisServer) string {
	tb.Helper()
	path, err := program("redis-server")
	require.NoError(tb, err)
	dir, err := scratch(false)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	p, err := reservePort()
	require.NoError(tb, err)
	tb.Cleanup(p.release)

	// A sentinel writes what it learns into its configuration.
	file := filepath.Join(dir, "sentinel.conf")
	conf := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor main 127.0.0.1 %d 1\n", p.number, dir, master.port.number)
	require.NoError(tb, os.WriteFile(file, []byte(conf), 0o600))
	process := &process{path: path, args: []string{file, "--sentinel"}, log: filepath.Join(dir, "log")}
	tb.Cleanup(func() { require.NoError(tb, process.kill()) })

	client := redis.NewSentinelClient(&redis.Options{Addr: p.addr(), MaxRetries: -1, DialerRetries: 1})
	defer client.Close()
	require.NoError(tb, process.start(func() error {
		if err := listening(p.addr()); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return client.Ping(ctx).Err()
	}))
	return p.addr()
}
