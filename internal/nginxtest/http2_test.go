package nginxtest

import (
	"crypto/tls"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestHTTP2ClientsFollowASwitch: a browser sends all its requests over one
// connection, which an old worker holds for as long as its stream is open. When the
// old colour ends the stream, the client must not come back over that connection: it
// leads to the old colour for ever. So Nginx tells it to open another one.
func TestHTTP2ClientsFollowASwitch(t *testing.T) {
	t.Parallel()
	blue, green := newBellhop(t, "BELLHOP_DRAIN=200ms"), newBellhop(t)
	secure := testenv.Address(t)
	e := newEdge(t, []string{addr(blue)}, []string{
		"EDGE_MODE=tls", "EDGE_HTTPS_PORT=" + secure, "EDGE_CERTIFICATE=/nowhere/cert.pem", "EDGE_SERVER_NAME=bell.example",
	})
	client := &http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
	}}
	t.Cleanup(client.CloseIdleConnections)
	before := watchWith(t, client, "https://"+secure+openNews)
	await(t, "the stream is live", func() bool { return before.got("event: bellhop.ready") })
	require.Equal(t, "HTTP/2.0", before.proto)

	e.upstream(t, "green", addr(green))
	out, err := e.reload()
	require.NoError(t, err, "%s", out)
	during := watchWith(t, client, "https://"+secure+openNews)
	await(t, "another stream is live", func() bool { return during.got("event: bellhop.ready") })
	publish(t, green.URL, "topic:news") // each has a log of its own
	await(t, "its event", func() bool { return during.got("event: note") })
	require.False(t, before.ended())
	require.NoError(t, blue.Stop(waitFor))
	await(t, "the stream has ended", before.ended)
	require.NoError(t, before.err)
	after := watchWith(t, client, "https://"+secure+openNews)
	await(t, "the client is live again", func() bool { return after.got("event: bellhop.re") }) // ready or refused
	require.True(t, after.got("event: bellhop.ready"))
	publish(t, green.URL, "topic:news")
	await(t, "the event", func() bool { return after.got("event: note") })
	require.NotRegexp(t, `"GET /v1/stream HTTP/2.0" 200 .* 50[234]`, e.accessLog(t))
}
