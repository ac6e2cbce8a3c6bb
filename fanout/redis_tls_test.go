package fanout_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestRedisWithClientCertificates: the server is known by an authority of our
// own, and knows us by our certificate.
func TestRedisWithClientCertificates(t *testing.T) {
	t.Parallel()
	certs := testenv.NewCertificates(t)
	server := testenv.Redis(t)
	_, port, err := net.SplitHostPort(server.Addr)
	require.NoError(t, err)
	// The same port from now on speaks TLS; the connection that says so stays.
	require.NoError(t, server.Client().Do(t.Context(), "CONFIG", "SET",
		"tls-cert-file", certs.ServerCert, "tls-key-file", certs.ServerKey,
		"tls-ca-cert-file", certs.CA, "tls-auth-clients", "yes", "port", "0", "tls-port", port).Err())
	address := "rediss://" + server.Addr + "?dial_timeout=20s"

	for name, identity := range map[string]bool{"known": true, "unknown": false} {
		client, err := fanout.OpenRedisAs(address, certs.Config(t, identity), new(fanout.Account))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, client.Close()) })
		if !identity {
			require.Error(t, client.Ping(t.Context()).Err(), name)
			continue
		}
		bus := fanout.NewRedis(client, quiet(fanout.Config{}))
		r, channels := listen(t, bus, 3)
		requireDelivery(t, bus, r, channels)
	}
	require.Error(t, open(t, address).Ping(t.Context()).Err(), "the system knows no such authority")
}

func TestCertificatesNeedTLS(t *testing.T) {
	t.Parallel()
	certs := testenv.NewCertificates(t)
	for _, scheme := range []string{"redis://", "redis+cluster://", "redis+sentinel://"} {
		_, err := fanout.OpenRedisAs(scheme+"a:1/x", certs.Config(t, true), new(fanout.Account))
		require.ErrorIs(t, err, fanout.ErrRedisURL)
		require.ErrorContains(t, err, "rediss")
	}
}
