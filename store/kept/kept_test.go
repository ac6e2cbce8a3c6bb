//nolint:thelper // a Factory reports by its own lines
package kept_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/fanout/fanouttest"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
	"github.com/bellhop/bellhop/store/kept"
	"github.com/bellhop/bellhop/store/storetest"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestMemory(t *testing.T) {
	t.Parallel()
	storetest.RunKept(t, func(_ *testing.T, cfg kept.Config) storetest.KeptHarness {
		bus := fanout.NewMemory(fanout.Config{MaxFrame: cfg.MaxFrame, Logger: quiet()})
		log := kept.NewMemory(bus, cfg)
		return storetest.KeptHarness{Log: log, Bus: bus, Counts: true, Forget: func(_ *testing.T, ch event.Channel) { log.Forget(ch) }}
	})
}

func TestRedis(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	storetest.RunKept(t, onServer(server, server.URL(), fanout.PubsubAuto))
}

func TestRedisCluster(t *testing.T) {
	t.Parallel()
	server := testenv.RedisCluster(t)
	for _, kind := range []fanout.Pubsub{fanout.PubsubClassic, fanout.PubsubAuto} {
		t.Run(string(kind), func(t *testing.T) {
			storetest.RunKept(t, onServer(server, "redis+cluster://"+server.Addr, kind))
		})
	}
}

// onServer makes logs on one server, whose names do not meet.
func onServer(server *testenv.RedisServer, url string, kind fanout.Pubsub) storetest.KeptFactory {
	return func(t *testing.T, cfg kept.Config) storetest.KeptHarness {
		cfg.Prefix, cfg.Logger = t.Name()+":", quiet()
		client := open(t, url)
		bus := fanout.NewRedis(client, fanout.Config{Prefix: cfg.Prefix, Pubsub: kind, Logger: quiet()})
		cfg.Names = bus.Names
		return storetest.KeptHarness{
			Log: kept.NewRedis(client, cfg), Bus: bus, Counts: kind != fanout.PubsubClassic,
			Forget: func(t *testing.T, ch event.Channel) {
				require.NoError(t, server.Client().Del(t.Context(), streamKey(cfg.Prefix, ch)).Err())
			},
		}
	}
}

func open(t *testing.T, url string) redis.UniversalClient {
	t.Helper()
	client, err := fanout.OpenRedis(url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func streamKey(prefix string, ch event.Channel) string { return prefix + "log:{" + string(ch) + "}" }

const topic event.Channel = "topic:1"

func testEntry(data string) store.Entry {
	return store.Entry{Channels: []event.Channel{topic}, Type: "note", Data: []byte(data)}
}

// add appends an event that must succeed.
func add(t *testing.T, log kept.Log, data string) store.KeptAppended {
	t.Helper()
	r := log.Append(t.Context(), []store.Entry{testEntry(data)})[0]
	require.NoError(t, r.Err)
	return r
}

func head(t *testing.T, log kept.Log, fresh bool) store.KeptHead {
	t.Helper()
	heads, err := log.Heads(t.Context(), []event.Channel{topic}, fresh)
	require.NoError(t, err)
	return heads[0]
}

const (
	waitFor = time.Minute
	tick    = 10 * time.Millisecond
)

// recorder hears what is published on topic.
type recorder struct{ fanouttest.Recorder }

func listenOn(t *testing.T, url string) *recorder {
	t.Helper()
	r := new(recorder)
	s := fanout.NewRedis(open(t, url), fanout.Config{Logger: quiet()}).Subscriber(r)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	s.Subscribe(topic)
	r.WaitCount(t, fanouttest.Subscribed, topic, 1)
	return r
}

// frames waits for n messages and returns their frames.
func (r *recorder) frames(t *testing.T, n int) []string {
	t.Helper()
	r.WaitCount(t, fanouttest.Message, topic, n)
	var frames []string
	for _, c := range r.Of(topic) {
		if c.Kind == fanouttest.Message {
			frames = append(frames, string(c.Message.Frame))
		}
	}
	return frames
}
