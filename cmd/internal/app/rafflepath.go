package app

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"
)

// A raffle's page may open the stream of its channel by an address that names the
// raffle: GET /api/v1/raffle/{id}/subscribe. In front of gateways Nginx rewrites
// it; this is the same for the one process that has no Nginx.
const (
	rafflePath    = "/api/v1/raffle/"
	raffleSuffix  = "/subscribe"
	streamPath    = "/v1/stream"
	raffleChannel = "raffle:"
)

// rewriteRafflePath is for Echo's Pre. What the client adds to the query stays, as
// with Nginx.
func rewriteRafflePath(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if id, ok := strings.CutPrefix(r.URL.Path, rafflePath); ok && r.Method == http.MethodGet {
			if id, ok := strings.CutSuffix(id, raffleSuffix); ok && id != "" && !strings.Contains(id, "/") {
				to := *r.URL
				to.Path, to.RawPath = streamPath, ""
				to.RawQuery = strings.TrimSuffix("channel="+url.QueryEscape(raffleChannel+id)+"&"+to.RawQuery, "&")
				r.URL = &to
			}
		}
		return next(c)
	}
}
