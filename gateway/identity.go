package gateway

import (
	"errors"
	"net/http"
	"strings"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/server"
)

// accessToken is the query parameter that may carry a token, where that is enabled.
const accessToken = "access_token"

// identity is who sent a request.
type identity struct {
	claims *auth.Claims // nil: anonymous
	// byCookie: the token came in the session cookie, which a browser sends by
	// itself, whoever had it make the request.
	byCookie bool
	// badCookie: there is a session cookie that is no good (any more), and
	// nothing else that would say who it is.
	badCookie bool
}

// subject is who it is; empty for somebody anonymous.
func (i identity) subject() string {
	if i.claims == nil {
		return ""
	}
	return i.claims.Subject
}

// identify finds a request's token, the first of: Authorization header, query
// (where enabled), session cookie. A bad one in the first two is refused, with
// a *server.Problem; a bad cookie is the caller's to judge.
func (g *Gateway) identify(r *http.Request) (identity, error) {
	if token, given := bearer(r); given {
		claims, err := g.verify(token)
		return identity{claims: claims}, err
	}
	if g.cfg.AccessTokenQuery {
		if token := r.URL.Query().Get(accessToken); token != "" {
			claims, err := g.verify(token)
			return identity{claims: claims}, err
		}
	}
	if c, err := r.Cookie(sessionCookie); err == nil {
		claims, err := g.verify(c.Value)
		if errors.Is(err, errUnready) || errors.Is(err, auth.ErrKeysUnread) {
			return identity{}, err // the cookie may well be good
		}
		return identity{claims: claims, byCookie: err == nil, badCookie: err != nil}, nil
	}
	return identity{}, nil
}

// bearer returns the token of an Authorization header. A header of another kind
// is given all the same, and no good.
func bearer(r *http.Request) (token string, given bool) {
	h := r.Header.Get("Authorization")
	if h == "" {
		return "", false
	}
	scheme, token, _ := strings.Cut(h, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", true
	}
	return strings.TrimSpace(token), true
}

func (g *Gateway) verify(token string) (*auth.Claims, error) {
	if g.cfg.Verifier == nil {
		return nil, badToken(auth.ErrToken)
	}
	claims, err := g.cfg.Verifier.Verify(token)
	switch {
	case errors.Is(err, auth.ErrKeysUnread):
		return nil, tokensWait(err)
	case err != nil:
		return nil, badToken(err)
	}
	if g.cfg.Revocations != nil {
		if err := g.cfg.Revocations.check(claims); err != nil {
			return nil, err
		}
	}
	return claims, nil
}

// tokensWait sends a client elsewhere because what tokens are judged by was not
// read yet. That passes, unlike a bad token.
func tokensWait(why error) *server.Problem {
	return unavailable("tokens can't be judged yet").Because(why)
}

// badToken tells the client what to do about its token (RFC 6750, section 3.1).
// The error's text repeats nothing of the token.
func badToken(err error) *server.Problem {
	return server.NewProblem(http.StatusUnauthorized, err.Error()).
		SetHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
}

// admit decides whether somebody may listen to all of the channels. With a bad
// cookie a request passes only if it needs none at all.
func (g *Gateway) admit(who identity, channels []event.Channel) error {
	for _, ch := range channels {
		switch g.cfg.Policies.May(who.claims, ch) {
		case auth.Allowed:
		case auth.NeedsToken:
			return needToken(who, string(ch)+" needs a token")
		default:
			return server.NewProblem(http.StatusForbidden, "this token does not open "+string(ch))
		}
	}
	return nil
}

// needToken refuses a request that has no token, or whose cookie is no good.
func needToken(who identity, detail string) *server.Problem {
	if who.badCookie {
		return badToken(auth.ErrToken)
	}
	return server.NewProblem(http.StatusUnauthorized, detail)
}
