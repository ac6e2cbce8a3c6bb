package app

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
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
	states := func() (states []string) {
		resp, err := http.Get(h.URL() + "/readyz")
		require.NoError(t, err)
		defer resp.Body.Close()
		require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
		var problem struct {
			Checks []struct{ Name, State string } `json:"checks"`
		}
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&problem))
		for _, check := range problem.Checks {
			if check.State != "ok" {
				states = append(states, check.Name+" "+check.State)
			}
		}
		return states
	}
	// The others have just begun.
	require.Eventually(t, func() bool { return slices.Equal([]string{"issuer failing"}, states()) }, patience, tick)
}
