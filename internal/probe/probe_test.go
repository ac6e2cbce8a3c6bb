package probe

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHealthTellsWhatTheProcessSays(t *testing.T) {
	t.Parallel()
	ready := true
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" || !ready {
			http.Error(w, "draining", http.StatusServiceUnavailable)
		}
	}))
	defer srv.Close()
	address := strings.TrimPrefix(srv.URL, "http://")

	require.NoError(t, Get(t.Context(), address, "/readyz"))
	ready = false
	require.EqualError(t, Get(t.Context(), address, "/readyz"), "503 Service Unavailable: draining")
	srv.Close()
	require.ErrorContains(t, Get(t.Context(), address, "/readyz"), "refused")
}

func TestListenerEverywhereIsAskedOnLoopback(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]string{
		":8080":          "localhost:8080",
		"0.0.0.0:8080":   "localhost:8080",
		"[::]:8080":      "localhost:8080",
		"127.0.0.1:8080": "127.0.0.1:8080",
		"10.1.2.3:8080":  "10.1.2.3:8080",
		"gateway:8080":   "gateway:8080",
	} {
		require.Equal(t, want, Address(listen))
	}
}
