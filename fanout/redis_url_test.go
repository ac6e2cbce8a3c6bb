package fanout_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/fanout/fanouttest"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

func TestOpenRedisReadsOneServer(t *testing.T) {
	t.Parallel()
	client, ok := open(t, "rediss://mina:s%3Acret@redis.example:6380/3?read_timeout=7s").(*redis.Client)
	require.True(t, ok)
	o := client.Options()
	require.Equal(t, "redis.example:6380", o.Addr)
	require.Equal(t, "mina", o.Username)
	require.Equal(t, "s:cret", o.Password)
	require.Equal(t, 3, o.DB)
	require.Equal(t, "redis.example", o.TLSConfig.ServerName)
	require.Equal(t, 7*time.Second, o.ReadTimeout, "the URL's word counts")
	require.Equal(t, 2*time.Second, o.WriteTimeout, "and ours where it has none")
}

func TestOpenRedisReadsACluster(t *testing.T) {
	t.Parallel()
	client, ok := open(t, "rediss+cluster://mina:secret@a:7000,[::1]:7001").(*redis.ClusterClient)
	require.True(t, ok)
	o := client.Options()
	require.Equal(t, []string{"a:7000", "[::1]:7001"}, o.Addrs)
	require.Equal(t, "mina", o.Username)
	require.Equal(t, "secret", o.Password)
	require.Empty(t, o.TLSConfig.ServerName, "every node proves its own name")
}

func TestOpenRedisReadsSentinels(t *testing.T) {
	t.Parallel()
	client, ok := open(t, "rediss+sentinel://mina:secret@a:1,b:2/main?db=3").(*redis.Client)
	require.True(t, ok)
	o := client.Options()
	require.Equal(t, "mina", o.Username)
	require.Equal(t, "secret", o.Password)
	require.Equal(t, 3, o.DB)
	require.Empty(t, o.TLSConfig.ServerName, "every server proves its own name")
}

// A command ends with its context, and soon, wherever it goes.
func TestOpenRedisBoundsCommands(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"redis://a:1", "redis+sentinel://a:1,b:2/main"} {
		client, ok := open(t, address).(*redis.Client)
		require.True(t, ok)
		o := client.Options()
		require.True(t, o.ContextTimeoutEnabled, address)
		require.Equal(t, []time.Duration{2 * time.Second, 2 * time.Second, 2 * time.Second},
			[]time.Duration{o.DialTimeout, o.ReadTimeout, o.WriteTimeout}, address)
	}
	client, ok := open(t, "redis+cluster://a:1").(*redis.ClusterClient)
	require.True(t, ok)
	o := client.Options()
	require.True(t, o.ContextTimeoutEnabled)
	require.Equal(t, []time.Duration{2 * time.Second, 2 * time.Second, 2 * time.Second},
		[]time.Duration{o.DialTimeout, o.ReadTimeout, o.WriteTimeout})
}

func TestOpenRedisRefusesWithoutShowingThePassword(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"",
		"localhost:6379",
		"http://x:secret@localhost",
		"redis+ring://x:secret@a:1",
		"redis://x:secret@localhost:port",
		"redis://x:a/secret@localhost:6379", // the password is taken for a port
		"redis://x:secret@localhost/notanumber",
		"redis://x:secret@localhost/%zz",
		"redis://x:secret@localhost?nosuch=1",
		"redis+sentinel://x:secret@a:1,b:2",
		"redis+sentinel://x:secret@a:1,b:2/main/0",
		"redis+sentinel://x:secret@a,b:2/main",
		"redis+sentinel://x:secret@a:1/main?nosuch=1",
		"redis+sentinel://x:secret@a:1/main?%zz",
		"redis+cluster://x:secret@a:1/0",
		"redis+cluster://x:secret@a:",
		"redis+cluster://x:secret@a:1?nosuch=1",
		"redis+cluster://x:secret@a:1?%zz",
	} {
		_, err := fanout.OpenRedis(address)
		require.ErrorIs(t, err, fanout.ErrRedisURL, address)
		require.NotContains(t, err.Error(), "secret")
		require.ErrorIs(t, fanout.CheckRedis(address), fanout.ErrRedisURL)
	}
	require.NoError(t, fanout.CheckRedis("redis://nobody:1"), "it does not connect")
}

func TestRedisOverTLS(t *testing.T) {
	t.Parallel()
	address := terminateTLS(t, testenv.Redis(t).Addr)
	unverified := open(t, "rediss://"+address+"?dial_timeout=20s")
	require.ErrorContains(t, unverified.Ping(t.Context()).Err(), "certificate")

	bus := fanout.NewRedis(open(t, "rediss://"+address+"?skip_verify=true&dial_timeout=20s"), quiet(fanout.Config{}))
	r, channels := listen(t, bus, 10)
	requireDelivery(t, bus, r, channels)
}

// terminateTLS stands in front of a server with a certificate that nobody knows.
func terminateTLS(t *testing.T, target string) string {
	t.Helper()
	certified := httptest.NewTLSServer(nil)
	t.Cleanup(certified.Close)
	l, err := tls.Listen("tcp", "127.0.0.1:0", certified.TLS.Clone())
	require.NoError(t, err)
	plain := testenv.Proxy(t, target)
	var links sync.WaitGroup
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		plain.Refuse()
		links.Wait()
	})
	links.Go(func() {
		for {
			outside, err := l.Accept()
			if err != nil {
				return
			}
			inside, err := net.Dial("tcp", plain.Addr)
			if err != nil {
				_ = outside.Close()
				continue
			}
			pipe := func(dst, src net.Conn) {
				_, _ = io.Copy(dst, src)
				_ = errors.Join(dst.Close(), src.Close())
			}
			links.Go(func() { pipe(inside, outside) })
			links.Go(func() { pipe(outside, inside) })
		}
	})
	return l.Addr().String()
}

func TestRedisBehindSentinel(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	address := "redis+sentinel://" + testenv.Sentinel(t, server.Addr) + "/main"
	bus := fanout.NewRedis(open(t, address), quiet(fanout.Config{}))
	r, channels := listen(t, bus, 10)
	requireDelivery(t, bus, r, channels)
	r.Forget()

	// The subscription's new connection asks the sentinel again.
	require.NoError(t, server.Client().ClientKillByFilter(t.Context(), "TYPE", "pubsub").Err())
	r.WaitCount(t, fanouttest.Trusted, "", 1)
	requireDelivery(t, bus, r, channels)
}

// TestRedisBehindSentinelWithAccounts: one with the sentinels, another with the
// servers.
func TestRedisBehindSentinelWithAccounts(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	require.NoError(t, server.Client().Do(t.Context(), "ACL", "SETUSER", "mina", "on", ">secret", "+@all", "~*", "&*").Err())
	address := testenv.Sentinel(t, server.Addr)
	sentinel := open(t, "redis://"+address)
	require.NoError(t, sentinel.Do(t.Context(), "ACL", "SETUSER", "guard", "on", ">guarded", "+@all", "&*").Err())
	require.NoError(t, sentinel.Do(t.Context(), "ACL", "SETUSER", "default", "off").Err())

	address = "redis+sentinel://mina:secret@" + address + "/main"
	require.Error(t, open(t, address).Ping(t.Context()).Err(), "the sentinel knows nobody of that name")
	client := open(t, address+"?sentinel_username=guard&sentinel_password=guarded")
	name, err := client.Do(t.Context(), "ACL", "WHOAMI").Result()
	require.NoError(t, err)
	require.Equal(t, "mina", name)
	r, channels := listen(t, fanout.NewRedis(client, quiet(fanout.Config{})), 3)
	requireDelivery(t, fanout.NewRedis(open(t, server.URL()), quiet(fanout.Config{})), r, channels)
}
