package testenv

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// RedisServer is a private redis-server. It keeps nothing on disk: one that is
// killed and started again is empty.
type RedisServer struct {
	// Addr is host:port; it stays the same when the server is started again.
	Addr string

	tb      testing.TB
	process *process
	port    *port
	client  *redis.Client
}

// Redis starts a redis-server for one test. Further arguments are passed on to it.
func Redis(tb testing.TB, args ...string) *RedisServer {
	tb.Helper()
	path, err := program("redis-server")
	require.NoError(tb, err)
	dir, err := scratch(false)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	p, err := reservePort()
	require.NoError(tb, err)
	tb.Cleanup(p.release)

	s := &RedisServer{
		Addr: p.addr(),
		tb:   tb,
		port: p,
		process: &process{
			path: path,
			log:  filepath.Join(dir, "log"),
			args: append([]string{
				"--port", strconv.Itoa(p.number), "--bind", "127.0.0.1", "--dir", dir,
				"--save", "", "--appendonly", "no", "--daemonize", "no",
			}, args...),
		},
		// Without retries: a command of a test fails at once where it has to.
		client: redis.NewClient(&redis.Options{
			Addr: p.addr(), MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true,
		}),
	}
	tb.Cleanup(func() {
		_ = s.client.Close()
		require.NoError(tb, s.process.kill())
	})
	s.Start()
	return s
}

// URL is the server's address as configuration takes it, "redis://127.0.0.1:6379".
func (s *RedisServer) URL() string { return "redis://" + s.Addr }

// Client is for what a test does to the server behind the back of the code under
// test. It does not retry.
func (s *RedisServer) Client() *redis.Client { return s.client }

// Start starts the server, empty, after Kill, and waits until it answers.
func (s *RedisServer) Start() {
	s.tb.Helper()
	require.NoError(s.tb, s.process.start(func() error {
		if err := listening(s.Addr); err != nil {
			return err // go-redis would print each try
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return s.client.Ping(ctx).Err()
	}))
}

// Kill ends the server at once; connections to it are refused.
func (s *RedisServer) Kill() {
	s.tb.Helper()
	require.NoError(s.tb, s.process.kill())
}

// Freeze stops the server without ending it: its connections stay and its port
// still accepts some, but nothing is read and nothing answered.
func (s *RedisServer) Freeze() {
	s.tb.Helper()
	require.NoError(s.tb, s.process.signal(syscall.SIGSTOP, true))
}

// Thaw lets a frozen server go on.
func (s *RedisServer) Thaw() {
	s.tb.Helper()
	require.NoError(s.tb, s.process.signal(syscall.SIGCONT, true))
}
