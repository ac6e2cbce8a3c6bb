package fanout_test

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/fanout/fanouttest"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// BenchmarkConnections compares one connection to Redis, which a subscriber keeps,
// with two and four that share 15,000 channels: what it costs to read from them, and
// how long they are away when all are lost. The workers are as many in every case.
func BenchmarkConnections(b *testing.B) {
	for _, n := range []int{1, 2, 4} {
		b.Run("read/"+strconv.Itoa(n), func(b *testing.B) { benchmarkReading(b, shareChannels(b, n)) })
	}
	for _, n := range []int{1, 2, 4} {
		b.Run("renew/"+strconv.Itoa(n), func(b *testing.B) { benchmarkRenewal(b, shareChannels(b, n)) })
	}
}

// sharing is a handler of several subscribers, each with its share of the channels.
type sharing struct {
	server   *testenv.RedisServer
	bus      *fanout.Redis
	channels []event.Channel

	subscribed, messages, trusted atomic.Int64
	longest                       atomic.Int64 // nanoseconds; see Message
	begin                         time.Time
}

func shareChannels(b *testing.B, connections int) *sharing {
	b.Helper()
	s := &sharing{server: testenv.Redis(b), channels: fanouttest.Channels(b, 15_000), begin: time.Now()}
	client, err := fanout.OpenRedis(s.server.URL())
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, client.Close()) })
	// Pauses are drawn at random, and would be most of what is measured.
	s.bus = fanout.NewRedis(client, quiet(fanout.Config{Workers: 4 / connections, MaxBackoff: 1}))
	for i := range connections {
		part := s.bus.Subscriber(s)
		b.Cleanup(func() { require.NoError(b, part.Close()) })
		// Names that are counted up: these shares are as even as a hash would make them.
		for at := i; at < len(s.channels); at += connections {
			part.Subscribe(s.channels[at])
		}
	}
	s.wait(func() bool {
		return s.trusted.Load() == int64(connections) && s.subscribed.Load() == int64(len(s.channels))
	})
	return s
}

// wait looks often, because what it waits for is measured.
func (s *sharing) wait(until func() bool) {
	tick := time.NewTicker(50 * time.Microsecond)
	defer tick.Stop()
	for !until() {
		<-tick.C
	}
}

// Message takes two microseconds, as following a channel does. A seq is the moment of
// publishing.
func (s *sharing) Message(m fanout.Message) {
	began := time.Since(s.begin)
	waited := int64(began) - int64(m.Seq)
	for longest := s.longest.Load(); waited > longest && !s.longest.CompareAndSwap(longest, waited); {
		longest = s.longest.Load()
	}
	for time.Since(s.begin)-began < 2*time.Microsecond {
		continue
	}
	s.messages.Add(1)
}

func (s *sharing) Subscribed(event.Channel)   { s.subscribed.Add(1) }
func (s *sharing) Unsubscribed(event.Channel) {}
func (s *sharing) Lost(event.Channel)         { panic("the benchmark overran the queue") }
func (s *sharing) Suspect(suspect bool) {
	if !suspect {
		s.trusted.Add(1)
	}
}

// benchmarkReading has a script publish, because the CPU time of this process is to be
// that of reading.
func benchmarkReading(b *testing.B, s *sharing) {
	b.Helper()
	const group, ahead = 500, 5000
	script := redis.NewScript("for i = 2, #ARGV do redis.call('PUBLISH', 'bellhop:' .. ARGV[i], ARGV[1]) end")
	// As fanout renders an event of 300 bytes: version, epoch, seq, frame.
	wire := "\x01\x02e1\x00\x00\x00\x00\x00\x00\x00\x01" + string(fanouttest.NewMessage(s.channels[0], 1, 180).Frame)
	b.ResetTimer()
	ours, redisOwn := cpuTime(b), redisTime(b, s.server)
	for sent := 0; sent < b.N; {
		s.wait(func() bool { return int64(sent)-s.messages.Load() < ahead })
		args := []any{wire}
		for range min(group, b.N-sent) {
			args = append(args, string(s.channels[sent%len(s.channels)]))
			sent++
		}
		err := script.Run(b.Context(), s.server.Client(), nil, args...).Err()
		require.ErrorIs(b, err, redis.Nil)
	}
	s.wait(func() bool { return s.messages.Load() == int64(b.N) })
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	b.ReportMetric(float64(cpuTime(b)-ours)/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(redisTime(b, s.server)-redisOwn)/float64(b.N), "redis-cpu-ns/op")
}

// benchmarkRenewal cuts the connections, and measures from then on until every channel
// is acknowledged anew. A message every millisecond tells how long those wait that
// come in between.
func benchmarkRenewal(b *testing.B, s *sharing) {
	b.Helper()
	var publishing sync.WaitGroup
	stop := make(chan struct{})
	publishing.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			m := fanout.Message{Channel: s.channels[i*7919%len(s.channels)], Epoch: "e1", Seq: uint64(time.Since(s.begin))}
			if _, err := s.bus.Publish(b.Context(), []fanout.Message{m}); err != nil {
				b.Error(fmt.Errorf("publish while subscriptions are renewed: %w", err))
				return
			}
		}
	})
	s.longest.Store(0)
	b.ResetTimer()
	for range b.N {
		want := s.subscribed.Load() + int64(len(s.channels))
		require.NoError(b, s.server.Client().ClientKillByFilter(b.Context(), "TYPE", "pubsub").Err())
		s.wait(func() bool { return s.subscribed.Load() >= want })
	}
	b.StopTimer()
	b.ReportMetric(float64(s.longest.Load())/1e6, "longest-wait-ms")
	close(stop)
	publishing.Wait()
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// redisTime is the CPU time that the server has taken.
func redisTime(b *testing.B, server *testenv.RedisServer) time.Duration {
	b.Helper()
	info, err := server.Client().InfoMap(b.Context(), "cpu").Result()
	require.NoError(b, err)
	var sum float64
	for _, name := range []string{"used_cpu_user", "used_cpu_sys"} {
		seconds, err := strconv.ParseFloat(info["CPU"][name], 64)
		require.NoError(b, err)
		sum += seconds
	}
	return time.Duration(sum * float64(time.Second))
}
