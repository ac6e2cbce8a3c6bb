package server

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/labstack/echo/v4"
)

const (
	corsMethods = "GET, POST, DELETE"
	corsHeaders = "Authorization, Last-Event-ID, Content-Type"
	corsExposed = "X-Request-Id, Retry-After"
	corsMaxAge  = "600"
)

// Origins says which web origins besides the gateway's own may use it from a
// browser. The zero value allows none. It is safe for concurrent use.
type Origins struct {
	any  bool
	list []string
}

// ParseOrigins reads origins such as "https://app.example.com", as browsers write
// them: what they never send, such as a port that is the scheme's own, is refused
// with an *OriginError. "*" allows every origin, but none of them with cookies: a
// browser's own rule (Fetch, "CORS protocol and credentials").
func ParseOrigins(origins []string) (Origins, error) {
	var o Origins
	for _, s := range origins {
		if s == "*" {
			o.any = true
			continue
		}
		u, err := url.Parse(s)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil ||
			s != u.Scheme+"://"+u.Host || !plainHost(u) {
			return Origins{}, &OriginError{Origin: s}
		}
		o.list = append(o.list, strings.ToLower(s))
	}
	return o, nil
}

// plainHost tells whether a host and its port are as the origin of a page has them
// (HTML, "ASCII serialization of an origin"). Nobody's pages are at a pattern either.
func plainHost(u *url.URL) bool {
	own := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	return !strings.HasSuffix(u.Host, ":") && !strings.HasSuffix(u.Host, own) &&
		!strings.ContainsFunc(u.Host, func(r rune) bool { return r == '*' || r > unicode.MaxASCII })
}

// OriginError refuses a text that is no web origin.
type OriginError struct{ Origin string }

func (e *OriginError) Error() string {
	return "not a web origin such as https://app.example.com: " + e.Origin
}

// Listed tells whether the origin was named, "*" not counting.
func (o Origins) Listed(origin string) bool { return slices.Contains(o.list, origin) }

// SameSite tells whether the Origin header of a request that changes something
// names the gateway's own site, which is scheme and host, or a listed origin.
// Browsers send the header with every such request (Fetch, "append a request Origin
// header"), so one without it does not come from a page, and is not the same site
// either.
func (o Origins) SameSite(r *http.Request) bool {
	given := r.Header.Values("Origin")
	if len(given) != 1 {
		return false
	}
	if o.Listed(given[0]) {
		return true
	}
	// A browser that tells compares schemes too, and sees through every proxy.
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return false
	}
	u, err := url.Parse(given[0])
	if err != nil || u.Scheme != "https" && (u.Scheme != "http" || byTLS(r)) {
		return false
	}
	// A site has no port, nor have cookies; and a proxy in between may have changed it.
	host := (&url.URL{Host: r.Host}).Hostname()
	return host != "" && strings.EqualFold(u.Hostname(), host)
}

// byTLS tells whether anybody says that the client came by TLS. A proxy that nobody
// trusts is believed as well: here it only makes more to be refused.
func byTLS(r *http.Request) bool {
	return r.TLS != nil || strings.Contains(strings.ToLower(strings.Join(r.Header.Values("X-Forwarded-Proto"), ",")), "https")
}

// cors answers preflights and marks responses, refusals too: a page that may
// not read a problem can't tell a bad token from a broken network.
func (o Origins) cors(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !o.any && len(o.list) == 0 {
			return next(c)
		}
		r, h := c.Request(), c.Response().Header()
		// Also without an Origin: a cache must not give this answer to a page.
		h.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		switch {
		case origin == "":
			return next(c)
		case o.Listed(origin):
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Credentials", "true")
		case o.any:
			h.Set("Access-Control-Allow-Origin", "*")
		default:
			return next(c)
		}
		if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
			h.Set("Access-Control-Expose-Headers", corsExposed)
			return next(c)
		}
		h.Set("Access-Control-Allow-Methods", corsMethods)
		h.Set("Access-Control-Allow-Headers", corsHeaders)
		h.Set("Access-Control-Max-Age", corsMaxAge)
		return c.NoContent(http.StatusNoContent)
	}
}
