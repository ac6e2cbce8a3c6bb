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
	listener := func(says string) (*httptest.Server, string) {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/readyz" || !ready {
				http.Error(w, says, http.StatusServiceUnavailable)
			}
		}))
		t.Cleanup(srv.Close)
		return srv, strings.TrimPrefix(srv.URL, "http://")
	}
	public, address := listener("not ready")
	admin, reasons := listener("not ready: the log is at 10.1.2.3")

	require.NoError(t, Ready(t.Context(), address, reasons))
	ready = false
	require.EqualError(t, Ready(t.Context(), address, reasons), "503 Service Unavailable: not ready: the log is at 10.1.2.3")
	admin.Close()
	require.EqualError(t, Ready(t.Context(), address, reasons), "503 Service Unavailable: not ready")
	public.Close()
	require.ErrorContains(t, Ready(t.Context(), address, reasons), "refused")
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
