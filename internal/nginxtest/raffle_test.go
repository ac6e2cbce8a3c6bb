package nginxtest

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRaffleAddressOpensItsChannel, for pages that know only that address: with
// what makes a stream a stream behind Nginx, and with the query that the client
// adds to come back.
func TestRaffleAddressOpensItsChannel(t *testing.T) {
	t.Parallel()
	b := newBellhop(t)
	e := newEdge(t, []string{addr(b)}, nil)
	for _, id := range []string{"1", "spring-2027", "a+b=c|d"} {
		path := "/api/v1/raffle/" + url.PathEscape(id) + "/subscribe"
		w := watch(t, e.URL()+path)
		await(t, "the stream is live", func() bool { return w.got("event: bellhop.ready") })
		require.Equal(t, "text/event-stream", w.header.Get("Content-Type"))
		publish(t, b.URL, "raffle:"+id)
		await(t, "the event", func() bool { return w.got(`"channel":"raffle:` + id + `"`) })

		again := watch(t, e.URL()+path+"?lastEventId=0")
		await(t, "what was missed", func() bool { return again.got(`"channel":"raffle:` + id + `"`) })
	}
	for _, path := range []string{"/api/v1/raffle/1", "/api/v1/raffle/1/2/subscribe", "/api/v1/raffle/a%26channel=user:1/subscribe", "/api/v1/raffle//subscribe"} {
		resp, err := do(t, http.MethodGet, e.URL()+path, nil)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusNotFound, resp.StatusCode, path)
	}
}
