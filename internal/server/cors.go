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
	corsMethods = "GET, POST, PUT, DELETE"
	corsHeaders = "Authorization, Last-Event-ID, Content-Type"
	corsExposed = "X-Request-Id, Retry-After, ETag, Date"
	corsMaxAge  = "600"
	// maxAsked is the most names of headers that a preflight is allowed besides,
	// and maxAskedName the longest: tracing and session recording add a dozen.
	maxAsked     = 64
	maxAskedName = 64
)

// Origins says which web origins besides the gateway's own may use it from a
// browser. The zero value allows none. It is safe for concurrent use.
type Origins struct {
	any      bool
	local    bool
	list     []string
	patterns []pattern
}

// pattern is the origins of all hosts that have one label where the "*" stands.
type pattern struct{ before, after string }

func (p pattern) matches(origin string) bool {
	label, ok := strings.CutPrefix(origin, p.before)
	if !ok {
		return false
	}
	label, ok = strings.CutSuffix(label, p.after)
	return ok && label != "" && only(label, "-_") && label == strings.ToLower(label)
}

// ParseOrigins reads origins such as "https://app.example.com", as browsers and the
// shells of apps ("capacitor://localhost") write them: what they never send, such
// as a port that is the scheme's own, is refused with an *OriginError. In
// "https://*.preview.example.com" the star is any one label; without a scheme it is
// https. "*" allows every origin, but none of them with cookies: a browser's own
// rule (Fetch, "CORS protocol and credentials").
func ParseOrigins(origins []string) (Origins, error) {
	var o Origins
	for _, s := range origins {
		given := s
		if s == "*" {
			o.any = true
			continue
		}
		if strings.HasPrefix(s, "*.") {
			s = "https://" + s
		}
		u, err := url.Parse(s)
		if err != nil || u.Scheme == "" || u.Host == "" || u.User != nil || s != u.Scheme+"://"+u.Host || !plainHost(u) {
			return Origins{}, &OriginError{Origin: given}
		}
		s = strings.ToLower(s)
		if before, after, found := strings.Cut(s, "*"); found {
			o.patterns = append(o.patterns, pattern{before, after})
		} else {
			o.list = append(o.list, s)
		}
	}
	return o, nil
}

// plainHost tells whether a host and its port are as the origin of a page has them
// (HTML, "ASCII serialization of an origin"). A star is the first label, and what
// follows it is a name that somebody owns: not a top-level domain, nor an address.
func plainHost(u *url.URL) bool {
	own := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	if strings.HasSuffix(u.Host, ":") || own != "" && strings.HasSuffix(u.Host, own) ||
		strings.ContainsFunc(u.Host, func(r rune) bool { return r > unicode.MaxASCII }) {
		return false
	}
	name, isPattern := strings.CutPrefix(u.Hostname(), "*.")
	if strings.Contains(name, "*") {
		return false
	}
	top := name[strings.LastIndexByte(name, '.')+1:]
	return !isPattern || name == "localhost" ||
		strings.Contains(strings.Trim(name, "."), ".") && top != "" && strings.Trim(top, "0123456789") != ""
}

// OriginError refuses a text that is no web origin.
type OriginError struct{ Origin string }

func (e *OriginError) Error() string {
	return "not a web origin such as https://app.example.com: " + e.Origin
}

// WithThisMachine are these and those of whatever is served on the browser's own
// machine, at any port. That is for development alone.
func (o Origins) WithThisMachine() Origins {
	o.local = true
	return o
}

// ofThisMachine tells whether an origin is that of a page from the browser's own
// machine.
func ofThisMachine(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") &&
		slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname())
}

// Listed tells whether the origin was named, by itself or by a pattern, "*" not
// counting.
func (o Origins) Listed(origin string) bool {
	return slices.Contains(o.list, origin) || o.local && ofThisMachine(origin) ||
		slices.ContainsFunc(o.patterns, func(p pattern) bool { return p.matches(origin) })
}

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
		if !o.any && !o.local && len(o.list) == 0 && len(o.patterns) == 0 {
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
		h.Add("Vary", "Access-Control-Request-Headers")
		h.Set("Access-Control-Allow-Headers", allowedHeaders(r.Header.Values("Access-Control-Request-Headers")))
		h.Set("Access-Control-Max-Age", corsMaxAge)
		return c.NoContent(http.StatusNoContent)
	}
}

// allowedHeaders are ours and, as far as they are names of headers, those that a
// page asks for: what watches a page (tracing, error reports) adds its own to every
// request, and a preflight that allows only some of them allows nothing.
func allowedHeaders(asked []string) string {
	allowed := []string{corsHeaders}
	for name := range strings.SplitSeq(strings.Join(asked, ","), ",") {
		name = strings.TrimSpace(name)
		if len(allowed) > maxAsked {
			break
		}
		// RFC 9110, section 5.6.2: what the name of a header is made of.
		if name != "" && len(name) <= maxAskedName && only(name, "!#$%&'*+-.^_`|~") {
			allowed = append(allowed, name)
		}
	}
	return strings.Join(allowed, ", ")
}
