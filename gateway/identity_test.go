package gateway_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
)

// TestCredentialsOfOthersArePassedOver: a proxy's password, a scheme that is not ours
// and cookies that were left behind never hide who somebody is.
func TestCredentialsOfOthersArePassedOver(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	good := token(t, "mina")
	basic := header{"Authorization", "Basic dTpw"}
	session := func(values ...string) header {
		return header{"Cookie", "bellhop_session=" + strings.Join(values, "; bellhop_session=")}
	}
	expired := tokenUntil(t, "mina", time.Now().Add(-time.Hour))
	for name, headers := range map[string][]header{
		"a password beside a cookie":     {basic, session(good)},
		"a password beside a token":      {basic, bearer(good)},
		"a token in small letters":       {{"Authorization", "bearer " + good}},
		"bearerx beside a cookie":        {{"Authorization", "Bearerx " + good}, session(good)},
		"a stale cookie before the good": {session(expired, good)},
		"a stale cookie behind the good": {session(good, expired)},
		"three stale ones before":        {session("x", expired, "", good)},
	} {
		require.Equal(t, http.StatusOK, r.get("/v1/inbox/unread", headers...).StatusCode, name)
	}
	for _, headers := range map[string][]header{
		"a password alone": {basic},
		"bearerx":          {{"Authorization", "bearerx " + good}},
	} {
		problem(t, r.get("/v1/inbox/unread", headers...), http.StatusUnauthorized)
	}
}

// TestRefusedTokensSayTheirCode, so that programs know what passes by itself.
func TestRefusedTokensSayTheirCode(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	ahead := func(d time.Duration) string {
		s, err := auth.SignToken(secret, auth.Claims{Subject: "mina", IssuedAt: time.Now().Add(d), Expires: time.Now().Add(time.Hour)})
		require.NoError(t, err)
		return s
	}
	require.Equal(t, http.StatusOK, r.get("/v1/inbox/unread", bearer(ahead(10*time.Second))).StatusCode)
	for code, given := range map[string]header{
		"token_not_yet_valid": bearer(ahead(15 * time.Minute)),
		"token_expired":       bearer(tokenUntil(t, "mina", time.Now().Add(-time.Second))),
		"token_malformed":     bearer("x.y.z"),
		"token_bad_signature": bearer(token(t, "mina")[:len(token(t, "mina"))-6] + "AAAAAA"),
		"token_missing":       {"X-Nothing", "1"},
	} {
		for _, path := range []string{"/v1/stream", "/v1/inbox/unread"} {
			require.Equal(t, code, problem(t, r.get(path, given), http.StatusUnauthorized)["code"], path)
		}
	}
	p := problem(t, r.get("/v1/inbox/unread", cookie(ahead(15*time.Minute))), http.StatusUnauthorized)
	require.Equal(t, "token_not_yet_valid", p["code"], "of a cookie too")
}

// TestEverybodyHasAnInbox, whatever their issuer calls them.
func TestEverybodyHasAnInbox(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for _, subject := range []string{"42", "Jane Doe", "https://id/#jane", "CN=Jane,OU=x", "정민", strings.Repeat("a", 200), "~SmFuZSBEb2U"} {
		inbox := (&auth.Claims{Subject: subject}).Inbox()
		stream := r.stream("/v1/stream", bearer(token(t, subject))).greeted()
		stream.expect("bellhop.ready")
		r.publish(inbox, `{"for":"`+subject+`"}`)
		require.Contains(t, stream.expect("note").data, subject)
		stream.leave()
	}
}
