package gateway

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

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
	// badCookie is why the session cookies are no good (any more), where nothing
	// else says who it is; nil if there are none.
	badCookie error
}

// user is who it is, as the key of their inbox; empty for somebody anonymous.
func (i identity) user() string {
	if i.claims == nil {
		return ""
	}
	return i.claims.Inbox().Key()
}

// issued is when the token was; zero if it does not say, or there is none.
func (i identity) issued() time.Time {
	if i.claims == nil {
		return time.Time{}
	}
	return i.claims.IssuedAt
}

// identify finds a request's token, the first of: Authorization header, query
// (where enabled), session cookie. A bad one in the first two is refused, with
// a *server.Problem; a bad cookie is the caller's to judge.
func (g *Gateway) identify(r *http.Request) (identity, error) {
	token, given := server.Bearer(r.Header)
	if !given && g.cfg.AccessTokenQuery {
		token = r.URL.Query().Get(accessToken)
		given = token != ""
	}
	if !given {
		return g.identifyByCookie(r)
	}
	claims, err := g.verify(token)
	return identity{claims: claims}, err
}

// maxSessionTokens is how many different tokens in cookies are verified.
const maxSessionTokens = 16

// identifyByCookie takes the first session cookie that is good. A browser sends
// several where one was set for a wider domain or another path, in an order that
// does not tell which is the newer: a stale one must not hide a good one. What can't
// be a token, and what was seen already, costs nothing, so it does not count.
func (g *Gateway) identifyByCookie(r *http.Request) (identity, error) {
	var who identity
	var unready error
	seen := make([]string, 0, maxSessionTokens)
	cookies := r.CookiesNamed(sessionCookie)
	for _, c := range cookies {
		if strings.Count(c.Value, ".") != 2 || slices.Contains(seen, c.Value) {
			continue
		}
		if len(seen) == maxSessionTokens {
			break
		}
		seen = append(seen, c.Value)
		claims, err := g.verify(c.Value)
		switch {
		case err == nil:
			return identity{claims: claims, byCookie: true}, nil
		case passes(err):
			unready = err // the cookie may well be good
		case who.badCookie == nil:
			who.badCookie = err
		}
	}
	if len(cookies) > 0 && len(seen) == 0 {
		who.badCookie = g.badToken(auth.ErrTokenMalformed)
	}
	return who, unready
}

func (g *Gateway) verify(token string) (*auth.Claims, error) {
	verifier := g.access.Load().verifier
	if verifier == nil {
		return nil, g.badToken(auth.ErrTokenAlgorithm)
	}
	claims, err := verifier.Verify(token)
	if r := g.cfg.Revocations; r != nil && err == nil {
		err = r.check(claims)
	}
	switch {
	case errors.Is(err, auth.ErrKeysUnread), errors.Is(err, errUnready):
		// What tokens are judged by was not read yet. That passes, unlike a bad token.
		return nil, unavailable("tokens can't be judged yet").Because(err)
	case err != nil:
		return nil, g.badToken(err)
	}
	return claims, nil
}

// badToken tells the client what to do about its token (RFC 6750, section 3.1). The
// code is for programs, the text for people; neither repeats anything of the token.
func (g *Gateway) badToken(err error) *server.Problem {
	code := auth.TokenCode(err)
	g.metrics.tokens.WithLabelValues(code).Inc()
	return server.NewProblem(http.StatusUnauthorized, err.Error()).With("code", code).Because(err).
		SetHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
}

// admit decides whether somebody may listen to all of the channels. With a bad
// cookie a request passes only if it needs none at all.
func (g *Gateway) admit(who identity, channels []event.Channel) error {
	for _, ch := range channels {
		switch g.access.Load().policies.May(who.claims, ch) {
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
	if problem, ok := errors.AsType[*server.Problem](who.badCookie); ok {
		return problem
	}
	return server.NewProblem(http.StatusUnauthorized, detail).With("code", "token_missing")
}
