package app

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNotReadyBeforeTheIssuersKeysAreRead: a deployment must not switch to gateways
// that would refuse everybody.
func TestNotReadyBeforeTheIssuersKeysAreRead(t *testing.T) {
	t.Parallel()
	issuer := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(issuer.Close)
	h := startBellhop(t, "--sqlite="+freshDB(t), "--service-keys=forum=0123456789abcdef",
		"--jwks-url="+issuer.URL, "--jwt-issuer=https://id.example", "--jwt-audience=bellhop")
	resp, err := http.Get(h.URL() + "/readyz")
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	var problem struct {
		Checks []struct{ Name, State string } `json:"checks"`
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&problem))
	for _, check := range problem.Checks {
		require.Equal(t, map[bool]string{true: "failing", false: "ok"}[check.Name == "issuer"], check.State, check.Name)
	}
}
