package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"github.com/bellhop/bellhop/internal/server"
)

const (
	// sessionCookie carries a token for browsers' EventSource, which can't send
	// a header.
	sessionCookie = "bellhop_session"
	sessionPath   = "/v1/session"
	// maxCookie is what browsers keep at least: 4096 bytes of name, value and
	// attributes (RFC 6265, section 6.1).
	maxCookie = 4096
)

// caller gives a typed handler the request itself.
type caller struct{ request *http.Request }

// Resolve implements huma.Resolver.
func (c *caller) Resolve(ctx huma.Context) []error {
	c.request = humaecho.Unwrap(ctx).Request()
	return nil
}

type sessionOutput struct {
	SetCookie string `header:"Set-Cookie" doc:"The session cookie."`
}

func (g *Gateway) registerSession(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "start-session", Method: http.MethodPost, Path: sessionPath,
		Summary: "Keep a token in a cookie, for EventSource",
		Description: "Answers a bearer token with the cookie bellhop_session (HttpOnly, Secure under TLS, SameSite=Lax unless it is for framed pages), " +
			"which lives no longer than the token.",
		DefaultStatus: http.StatusNoContent,
		Errors:        []int{http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusRequestHeaderFieldsTooLarge},
	}, g.startSession)
	huma.Register(api, huma.Operation{
		OperationID: "end-session", Method: http.MethodDelete, Path: sessionPath,
		Summary:       "Clear the session cookie",
		Description:   "Streams that are open go on until they end by themselves.",
		DefaultStatus: http.StatusNoContent,
		Errors:        []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests},
	}, g.endSession)
}

// startSession takes a bearer token alone: a token that came by cookie would
// let any page of the site prolong it.
func (g *Gateway) startSession(_ context.Context, in *struct{ caller }) (*sessionOutput, error) {
	if err := g.allow(in.request); err != nil {
		return nil, err
	}
	token, given := server.Bearer(in.request.Header)
	if !given {
		return nil, needToken(identity{}, "a session begins with a bearer token")
	}
	claims, err := g.verify(token)
	if err != nil {
		return nil, err
	}
	// Rounded down: the browser must not send it when it has expired.
	life := int(time.Until(claims.Expires) / time.Second)
	if life <= 0 {
		return &sessionOutput{SetCookie: g.clearedCookie(in.request)}, nil
	}
	c := g.newCookie(in.request, token) //nolint:gosec // see there
	c.MaxAge, c.Expires = life, claims.Expires
	text := c.String()
	if len(text) > maxCookie {
		return nil, server.NewProblem(http.StatusRequestHeaderFieldsTooLarge, "the token is too long for a cookie")
	}
	return &sessionOutput{SetCookie: text}, nil
}

// endSession needs no good cookie: whoever's session has expired may end it too.
// Without a bearer token the request must come from the site itself, or others
// could sign people out.
func (g *Gateway) endSession(_ context.Context, in *struct{ caller }) (*sessionOutput, error) {
	if err := g.allow(in.request); err != nil {
		return nil, err
	}
	if token, given := server.Bearer(in.request.Header); given {
		if _, err := g.verify(token); err != nil {
			return nil, err
		}
	} else if !g.origins.SameSite(in.request) {
		return nil, server.NewProblem(http.StatusForbidden, "the request must come from this site")
	}
	return &sessionOutput{SetCookie: g.clearedCookie(in.request)}, nil
}

func (g *Gateway) newCookie(r *http.Request, value string) *http.Cookie {
	c := &http.Cookie{ // Secure where it can be: a demo on loopback has no TLS
		Name: sessionCookie, Value: value, Path: "/v1",
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: g.cfg.Proxies.Secure(r),
	}
	if g.cfg.FramedCookie {
		// Each site that frames the page has a cookie of its own (Partitioned). A
		// browser takes it only if it is Secure, whatever a proxy says.
		c.SameSite, c.Secure, c.Partitioned = http.SameSiteNoneMode, true, true
	}
	return c
}

// clearedCookie is the Set-Cookie header that takes the session away.
func (g *Gateway) clearedCookie(r *http.Request) string {
	c := g.newCookie(r, "") //nolint:gosec // see there
	c.MaxAge = -1
	return c.String()
}
