package fanout_test

import (
	"log/slog"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/fanout/fanouttest"
	"github.com/bellhop/bellhop/internal/testenv"
)

// breakable is a Redis behind a proxy.
type breakable struct {
	*fanout.Redis
	proxy *testenv.TCPProxy
}

func (b breakable) Break()       { b.proxy.Cut() }
func (b breakable) Away() func() { b.proxy.Refuse(); return b.proxy.Resume }

func open(t *testing.T, url string) redis.UniversalClient {
	t.Helper()
	client, err := fanout.OpenRedis(url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

func quiet(cfg fanout.Config) fanout.Config {
	cfg.Logger = slog.New(slog.DiscardHandler)
	return cfg
}

func TestRedis(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	t.Run("suite", func(t *testing.T) {
		fanouttest.Run(t, func(t *testing.T, cfg fanout.Config) fanout.Bus {
			t.Helper()
			proxy := testenv.Proxy(t, server.Addr)
			return breakable{fanout.NewRedis(open(t, "redis://"+proxy.Addr), quiet(cfg)), proxy}
		})
	})
}
