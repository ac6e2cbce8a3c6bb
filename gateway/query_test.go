package gateway

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/server"
)

// TestStreamsDoNotKeepTheirAddress: what a stream remembers for hours are a few
// short names. Cut from a request's line and not copied, each would keep all of it.
func TestStreamsDoNotKeepTheirAddress(t *testing.T) {
	t.Parallel()
	s, err := server.New(server.Options{})
	require.NoError(t, err)
	params := new(Gateway).describeStream(s.API)
	r := httptest.NewRequest(http.MethodGet,
		"/v1/stream?channel=topic:a&channel=topic:a&lastEventId=7.k3f9@topic:a&last_event_id="+strings.Repeat("x", 8<<10), http.NoBody)
	q, err := parseStreamQuery(r, params)
	require.NoError(t, err)
	require.Len(t, q.channels, 1)
	at, ok := q.cursor.Position("topic:a")
	require.True(t, ok)
	for _, kept := range []string{string(q.channels[0]), string(at.Epoch)} {
		require.False(t, within(kept, r.URL.RawQuery), kept)
		require.False(t, within(kept, r.RequestURI), kept)
	}

	r = httptest.NewRequest(http.MethodGet, "/v1/stream?channel=topic:a", http.NoBody)
	r.Header.Set("Last-Event-ID", "7.k3f9@topic:a,205.9xq2@raffle:1")
	q, err = parseStreamQuery(r, params)
	require.NoError(t, err)
	at, _ = q.cursor.Position("topic:a")
	require.EqualValues(t, "k3f9", at.Epoch)
	require.False(t, within(string(at.Epoch), r.Header.Get("Last-Event-ID")))
}

// within tells whether s lies in the memory of t.
func within(s, t string) bool {
	at, begin := uintptr(unsafe.Pointer(unsafe.StringData(s))), uintptr(unsafe.Pointer(unsafe.StringData(t)))
	return begin <= at && at < begin+uintptr(len(t))
}
