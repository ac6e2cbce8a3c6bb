package testenv

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// Sentinel starts a Redis Sentinel that watches the server at an address, host:port,
// under the name "main", and returns its own address.
func Sentinel(tb testing.TB, master string) string {
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
	host, port, err := net.SplitHostPort(master)
	require.NoError(tb, err)
	conf := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor main %s %s 1\n", p.number, dir, host, port)
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
