package gateway_test

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/gateway"
)

// TestNoCookieHidesAGoodOne, however many others there are, so long as few of them
// are different tokens: those alone cost something.
func TestNoCookieHidesAGoodOne(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	good := token(t, "mina")
	var stale, junk []string
	for i := range 40 {
		stale = append(stale, tokenUntil(t, fmt.Sprint("p", i), time.Now().Add(-time.Hour)))
	}
	for i := range 200 {
		junk = append(junk, fmt.Sprint("junk-", i))
	}
	cookies := func(values ...string) header {
		return header{"Cookie", "bellhop_session=" + strings.Join(values, "; bellhop_session=")}
	}
	for name, h := range map[string]header{
		"200 of one name":      cookies(append(junk, good)...),
		"one stale, 100 times": cookies(append(strings.Split(strings.Repeat(stale[0]+" ", 99)+stale[0], " "), good)...),
		"15 different ones":    cookies(append(stale[:15:15], good)...),
		"in quotes":            cookies(`"`+stale[0]+`"`, `"`+good+`"`),
		"before others":        cookies(append([]string{good}, stale...)...),
		"beside other names":   {"Cookie", "a=b; Bellhop_Session=x; bellhop_session=" + good + "; bellhop_sessions=y"},
	} {
		require.Equal(t, http.StatusOK, r.get("/v1/inbox/unread", h).StatusCode, name)
	}
	for name, h := range map[string]header{
		"token_expired":   cookies(append(stale, good)...), // a bomb
		"token_malformed": cookies("a", "", "b.c"),
	} {
		require.Equal(t, name, problem(t, r.get("/v1/inbox/unread", h), http.StatusUnauthorized)["code"], name)
	}
	p := problem(t, r.get("/v1/inbox/unread", cookies("junk", stale[0])), http.StatusUnauthorized)
	require.Equal(t, "token_expired", p["code"], "the reason is that of a token")
}

// TestACookieThatCannotBeJudgedHidesNoGoodOne: it is of an issuer whose keys are not
// known yet.
func TestACookieThatCannotBeJudgedHidesNoGoodOne(t *testing.T) {
	t.Parallel()
	keys, err := auth.OpenJWKS(auth.JWKSConfig{URL: "http://127.0.0.1:1/keys", Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, keys.Close()) })
	r := newRig(t, func(c *gateway.Config) {
		c.Verifier, err = auth.NewVerifier(auth.TokenConfig{Issuers: []auth.Issuer{
			{JWKS: keys, Issuer: "https://id.example", Audience: "bellhop", SubjectPrefix: "id:"}, {Secrets: []string{secret}},
		}})
		require.NoError(t, err)
	})
	encode := base64.RawURLEncoding.EncodeToString
	unknown := encode([]byte(`{"alg":"EdDSA"}`)) + "." + encode([]byte(`{"sub":"mina","iss":"https://id.example"}`)) + "." + encode([]byte("signed"))
	both := header{"Cookie", "bellhop_session=" + unknown + "; bellhop_session=" + token(t, "mina")}
	require.Equal(t, http.StatusOK, r.get("/v1/inbox/unread", both).StatusCode)
	problem(t, r.get("/v1/inbox/unread", cookie(unknown)), http.StatusServiceUnavailable)
}

// TestSpellingsOfAuthorization that programs and proxies use.
func TestSpellingsOfAuthorization(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	good, bad := token(t, "mina"), tokenUntil(t, "mina", time.Now().Add(-time.Hour))
	for value, status := range map[string]int{
		"Bearer  " + good:       http.StatusOK,
		"bEARER\t" + good + " ": http.StatusOK,
		"BEARER " + good:        http.StatusOK,
		"Bearer":                http.StatusUnauthorized,
		"Bearer\t" + bad:        http.StatusUnauthorized,
		"Bearer:" + good:        http.StatusUnauthorized,
		"Token " + good:         http.StatusUnauthorized,
		good:                    http.StatusUnauthorized,
	} {
		require.Equal(t, status, r.get("/v1/inbox/unread", header{"Authorization", value}).StatusCode, value)
	}
	require.Equal(t, http.StatusOK, r.get("/v1/inbox/unread", header{"Authorization", "Negotiate x"}, bearer(good)).StatusCode)
	p := problem(t, r.get("/v1/inbox/unread", bearer(bad), cookie(good)), http.StatusUnauthorized)
	require.Equal(t, "token_expired", p["code"], "what was given on purpose counts")

	for _, given := range [][]header{nil, {{"Authorization", "Basic dTpw"}}, {cookie(good)}} {
		p := problem(t, r.do(http.MethodPost, "/v1/session", given...), http.StatusUnauthorized)
		require.Equal(t, "token_missing", p["code"])
	}
}
