package app

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
)

func TestAddressOfARaffleIsThatOfItsStream(t *testing.T) {
	t.Parallel()
	for from, to := range map[string]string{
		"/api/v1/raffle/7/subscribe":                   "/v1/stream?channel=raffle%3A7",
		"/api/v1/raffle/7/subscribe?lastEventId=3.x@r": "/v1/stream?channel=raffle%3A7&lastEventId=3.x@r",
		"/api/v1/raffle/a%26b/subscribe":               "/v1/stream?channel=raffle%3Aa%26b",
		"/api/v1/raffle//subscribe":                    "/api/v1/raffle//subscribe",
		"/api/v1/raffle/7/8/subscribe":                 "/api/v1/raffle/7/8/subscribe",
		"/api/v1/raffle/7":                             "/api/v1/raffle/7",
		"/api/v1/raffles/7":                            "/api/v1/raffles/7",
	} {
		r := httptest.NewRequest(http.MethodGet, from, http.NoBody)
		c := echo.New().NewContext(r, httptest.NewRecorder())
		require.NoError(t, rewriteRafflePath(func(c echo.Context) error {
			require.Equal(t, to, c.Request().URL.RequestURI())
			return nil
		})(c))
		require.Equal(t, from, r.RequestURI, "the request itself stays as it came")
	}
	r := httptest.NewRequest(http.MethodPost, "/api/v1/raffle/7/subscribe", http.NoBody)
	require.NoError(t, rewriteRafflePath(func(c echo.Context) error {
		require.Equal(t, "/api/v1/raffle/7/subscribe", c.Request().URL.Path)
		return nil
	})(echo.New().NewContext(r, httptest.NewRecorder())))
}

// TestVisitorWatchesARaffleByItsAddress without a token: what was, and what comes.
func TestVisitorWatchesARaffleByItsAddress(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	eventuallyReady(t, h.Service)
	s := openStreamAt(t, h.URL()+"/api/v1/raffle/1/subscribe?lastEventId=0")
	s.waitFor(`"tickets":6,"people":4`)
	s.waitFor("event: bellhop.ready")
	code, answer := post(t, h.URL()+"/api/v1/raffles/1/participate", "{}")
	require.Equal(t, http.StatusCreated, code, answer)
	s.waitFor(`"tickets":7,"people":5`)
}
