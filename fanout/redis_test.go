package fanout_test

import (
	"log/slog"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/fanout/fanouttest"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
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

// listen subscribes to n channels and forgets what that brought.
func listen(t *testing.T, bus fanout.Bus, n int) (*fanouttest.Recorder, []event.Channel) {
	t.Helper()
	r, channels := new(fanouttest.Recorder), fanouttest.Channels(t, n)
	s := bus.Subscriber(r)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	s.Subscribe(channels...)
	r.WaitAll(t, fanouttest.Subscribed, channels)
	r.WaitCount(t, fanouttest.Trusted, "", 1)
	r.Forget()
	return r, channels
}

// requireDelivery publishes to all channels, until that succeeds, and waits for the
// messages.
func requireDelivery(t *testing.T, bus fanout.Bus, r *fanouttest.Recorder, channels []event.Channel) {
	t.Helper()
	var messages []fanout.Message
	for _, ch := range channels {
		messages = append(messages, fanouttest.NewMessage(ch, 1, 1))
	}
	require.Eventually(t, func() bool {
		_, err := bus.Publish(t.Context(), messages)
		return err == nil
	}, fanouttest.WaitFor, fanouttest.Tick)
	r.WaitAll(t, fanouttest.Message, channels)
}
