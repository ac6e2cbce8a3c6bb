package limit_test

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway/limit"
)

var (
	home  = netip.MustParseAddr("192.0.2.7")
	other = netip.MustParseAddr("192.0.2.8")
)

func TestGuardWithoutLimits(t *testing.T) {
	t.Parallel()
	g := limit.NewGuard(limit.Config{})
	for range 1000 {
		require.Empty(t, g.Open(t.Context(), "mina", home))
		g.Close("mina", home)
	}
}

func TestGuardLimitsPeople(t *testing.T) {
	t.Parallel()
	g := limit.NewGuard(limit.Config{Streams: new(limit.Memory).Join(), UserStreams: 1, AddressStreams: 2})
	require.Empty(t, g.Open(t.Context(), "mina", home))
	require.Equal(t, limit.User, g.Open(t.Context(), "mina", home))
	require.Empty(t, g.Open(t.Context(), "", home), "the refused one gave the address' place back")
	require.Equal(t, limit.Address, g.Open(t.Context(), "", home))
	require.Empty(t, g.Open(t.Context(), "", other))
	g.Close("mina", home)
	require.Empty(t, g.Open(t.Context(), "mina", home))
	require.Equal(t, limit.Address, g.Open(t.Context(), "zoe", home))
}

// TestGuardCountsNetworksOfIPv6: whoever has one address has 2^64 of them.
func TestGuardCountsNetworksOfIPv6(t *testing.T) {
	t.Parallel()
	g := limit.NewGuard(limit.Config{AddressStreams: 1})
	require.Empty(t, g.Open(t.Context(), "", netip.MustParseAddr("2001:db8::1")))
	require.Equal(t, limit.Address, g.Open(t.Context(), "", netip.MustParseAddr("2001:db8::ffff:1")))
	require.Empty(t, g.Open(t.Context(), "", netip.MustParseAddr("2001:db8:0:1::1")))
}

func TestGuardLimitsRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := limit.NewGuard(limit.Config{AddressRate: 5})
		passed := func() (n int) {
			for range 100 {
				if g.Allow(home) {
					n++
				}
			}
			return n
		}
		require.Equal(t, 50, passed(), "ten seconds' worth at once")
		require.True(t, g.Allow(other))
		<-time.After(time.Second)
		require.Equal(t, 5, passed())
		<-time.After(time.Minute)
		require.Equal(t, 50, passed(), "and never more than that")
	})
}

// TestGuardBoundsItsMemory: addresses beyond the table's size share one bucket.
func TestGuardBoundsItsMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // in which no time passes
		g := limit.NewGuard(limit.Config{AddressRate: 1})
		addr, refused := netip.MustParseAddr("10.0.0.0"), 0
		for range 70000 {
			if !g.Allow(addr) {
				refused++
			}
			addr = addr.Next()
		}
		require.Positive(t, refused)
		require.LessOrEqual(t, refused, 70000-1<<16)
	})
}

// TestGuardForgetsQuietAddresses: a flood that is over leaves room for others.
func TestGuardForgetsQuietAddresses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := limit.NewGuard(limit.Config{AddressRate: 1})
		addr := netip.MustParseAddr("10.0.0.0")
		for range 70000 {
			g.Allow(addr)
			addr = addr.Next()
		}
		<-time.After(time.Minute)
		for _, from := range []netip.Addr{home, other} {
			for range 10 {
				require.True(t, g.Allow(from), "each has an allowance of its own")
			}
			require.False(t, g.Allow(from))
		}
	})
}

// TestGuardPassesUnknownAddresses: what is not known to be one client is not
// taken for one.
func TestGuardPassesUnknownAddresses(t *testing.T) {
	t.Parallel()
	g := limit.NewGuard(limit.Config{AddressStreams: 1, AddressRate: 1})
	for range 50 {
		require.Empty(t, g.Open(t.Context(), "", netip.Addr{}))
		g.Close("", netip.Addr{})
	}
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	proxies, err := limit.ParseProxies([]string{"10.0.0.0/8", "192.0.2.1", "fd00::/8", "::ffff:192.0.2.2", "fe80::1%eth0"})
	require.NoError(t, err)
	const unknown = "invalid IP"
	for _, tt := range []struct{ remote, forwarded, want string }{
		{"198.51.100.1:5", "", "198.51.100.1"},
		{"198.51.100.1:5", "203.0.113.9", "198.51.100.1"}, // made up by the client
		{"10.0.0.1:5", "203.0.113.9", "203.0.113.9"},
		{"10.0.0.1:5", "1.2.3.4, 203.0.113.9", "203.0.113.9"}, // the first is the client's own invention
		{"10.0.0.1:5", "203.0.113.9, 10.2.0.1", "203.0.113.9"},
		{"10.0.0.1:5", "203.0.113.9:4711", "203.0.113.9"},
		{"10.0.0.1:5", "", unknown},
		{"10.0.0.1:5", "10.2.0.1", unknown},
		{"10.0.0.1:5", "nonsense", unknown},
		{"10.0.0.1:5", "203.0.113.9, nonsense", unknown},
		{"172.16.0.1:5", "203.0.113.9", "172.16.0.1"}, // in the house, and none of the proxies
		{"[fd00::1]:5", "2001:db8::1", "2001:db8::1"},
		{"[::ffff:10.0.0.1]:5", "::ffff:203.0.113.9", "203.0.113.9"},
		{"192.0.2.1:5", "203.0.113.9", "203.0.113.9"},
		{"10.0.0.1:5", "203.0.113.9" + strings.Repeat(", 10.0.0.2", 15), "203.0.113.9"},
		{"10.0.0.1:5", "203.0.113.9" + strings.Repeat(", 10.0.0.2", 16), unknown}, // nobody has so many
		{"192.0.2.2:5", "203.0.113.9", "203.0.113.9"},
		{"[::ffff:192.0.2.2]:5", "203.0.113.9", "203.0.113.9"},
		{"[fe80::1%eth0]:5", "203.0.113.9", "203.0.113.9"},
		{"192.0.2.3:5", "203.0.113.9", "192.0.2.3"},
		{"nonsense", "203.0.113.9", unknown},
	} {
		r := &http.Request{RemoteAddr: tt.remote, Header: http.Header{}}
		if tt.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tt.forwarded)
		}
		require.Equal(t, tt.want, proxies.Client(r).String(), tt)
	}
	for _, text := range []string{"10.0.0.0/33", "", "proxy", "10.0.0.1:80", "::ffff:10.0.0.0/104"} {
		_, err = limit.ParseProxies([]string{text})
		require.ErrorContains(t, err, "want a network", text)
	}
}

// TestClientAddressWithoutProxies: nobody is believed, and who may be a proxy is
// not taken for a client.
func TestClientAddressWithoutProxies(t *testing.T) {
	t.Parallel()
	var none limit.Proxies
	for remote, want := range map[string]string{
		"198.51.100.1:5":      "198.51.100.1",
		"[2001:db8::1]:5":     "2001:db8::1",
		"127.0.0.1:5":         "invalid IP",
		"10.1.2.3:5":          "invalid IP",
		"[::1]:5":             "invalid IP",
		"[fd00::1]:5":         "invalid IP",
		"[fe80::1%eth0]:5":    "invalid IP",
		"[::ffff:10.0.0.1]:5": "invalid IP",
	} {
		r := &http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": {"203.0.113.9"}}}
		require.Equal(t, want, none.Client(r).String(), remote)
		require.True(t, none.Doubtful(r))
		require.False(t, none.Doubtful(&http.Request{RemoteAddr: remote}))
	}
}

func TestSecure(t *testing.T) {
	t.Parallel()
	proxies, err := limit.ParseProxies([]string{"10.0.0.0/8"})
	require.NoError(t, err)
	for _, tt := range []struct {
		proxies       limit.Proxies
		remote, proto string
		want          bool
	}{
		{proxies, "10.0.0.1:5", "https", true},
		{proxies, "10.0.0.1:5", "http", false},
		{proxies, "10.0.0.1:5", "", false},
		{proxies, "10.0.0.1:5", "https, http", false},
		{proxies, "10.0.0.1:5", "https,HTTPS", true},
		{proxies, "198.51.100.1:5", "https", false},
		{proxies, "nonsense", "https", false},
		{nil, "10.0.0.1:5", "https", false},
	} {
		r := &http.Request{RemoteAddr: tt.remote, Header: http.Header{"X-Forwarded-Proto": {tt.proto}}}
		require.Equal(t, tt.want, tt.proxies.Secure(r), tt)
		require.Equal(t, len(tt.proxies) == 0, tt.proxies.Doubtful(r))
		r.TLS = new(tls.ConnectionState)
		require.True(t, tt.proxies.Secure(r), "no header says otherwise")
	}
}
