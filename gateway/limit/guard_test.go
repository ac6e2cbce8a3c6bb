package limit_test

import (
	"net/http"
	"net/netip"
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
		release, why := g.Open(t.Context(), "mina", home)
		require.Empty(t, why)
		release()
	}
}

func TestGuardLimitsPeople(t *testing.T) {
	t.Parallel()
	g := limit.NewGuard(limit.Config{Streams: new(limit.Memory).Join(), UserStreams: 1, AddressStreams: 2})
	release, why := g.Open(t.Context(), "mina", home)
	require.Empty(t, why)
	_, why = g.Open(t.Context(), "mina", home)
	require.Equal(t, limit.User, why)
	_, why = g.Open(t.Context(), "", home)
	require.Empty(t, why, "the refused one gave the address' place back")
	_, why = g.Open(t.Context(), "", home)
	require.Equal(t, limit.Address, why)
	_, why = g.Open(t.Context(), "", other)
	require.Empty(t, why)
	release()
	release() // twice counts once
	_, why = g.Open(t.Context(), "mina", home)
	require.Empty(t, why)
	_, why = g.Open(t.Context(), "zoe", home)
	require.Equal(t, limit.Address, why)
}

// TestGuardCountsNetworksOfIPv6: whoever has one address has 2^64 of them.
func TestGuardCountsNetworksOfIPv6(t *testing.T) {
	t.Parallel()
	g := limit.NewGuard(limit.Config{AddressStreams: 1})
	_, why := g.Open(t.Context(), "", netip.MustParseAddr("2001:db8::1"))
	require.Empty(t, why)
	_, why = g.Open(t.Context(), "", netip.MustParseAddr("2001:db8::ffff:1"))
	require.Equal(t, limit.Address, why)
	_, why = g.Open(t.Context(), "", netip.MustParseAddr("2001:db8:0:1::1"))
	require.Empty(t, why)
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
		_, why := g.Open(t.Context(), "", home)
		require.Equal(t, limit.Rate, why)
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

func TestClientAddress(t *testing.T) {
	t.Parallel()
	proxies, err := limit.ParseProxies([]string{"10.0.0.0/8", "192.0.2.1", "fd00::/8"})
	require.NoError(t, err)
	for _, tt := range []struct{ remote, forwarded, want string }{
		{"198.51.100.1:5", "", "198.51.100.1"},
		{"198.51.100.1:5", "203.0.113.9", "198.51.100.1"}, // made up by the client
		{"10.0.0.1:5", "203.0.113.9", "203.0.113.9"},
		{"10.0.0.1:5", "1.2.3.4, 203.0.113.9", "203.0.113.9"}, // the first is the client's own invention
		{"10.0.0.1:5", "203.0.113.9, 10.2.0.1", "203.0.113.9"},
		{"10.0.0.1:5", "203.0.113.9:4711", "203.0.113.9"},
		{"10.0.0.1:5", "nonsense", "10.0.0.1"},
		{"10.0.0.1:5", "203.0.113.9, nonsense", "10.0.0.1"},
		{"[fd00::1]:5", "2001:db8::1", "2001:db8::1"},
		{"[::ffff:10.0.0.1]:5", "::ffff:203.0.113.9", "203.0.113.9"},
		{"192.0.2.1:5", "203.0.113.9", "203.0.113.9"},
		{"nonsense", "203.0.113.9", "invalid IP"},
	} {
		r := &http.Request{RemoteAddr: tt.remote, Header: http.Header{}}
		if tt.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tt.forwarded)
		}
		require.Equal(t, tt.want, proxies.Client(r).String(), tt)
	}
	_, err = limit.ParseProxies([]string{"10.0.0.0/33"})
	require.ErrorContains(t, err, "want a network")
}
