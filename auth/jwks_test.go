package auth_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
)

// issuer publishes a key set, or whatever else answer says.
type issuer struct {
	*httptest.Server
	answer atomic.Pointer[http.HandlerFunc]
	asked  atomic.Int64
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := new(issuer)
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.asked.Add(1)
		(*i.answer.Load())(w, r)
	}))
	t.Cleanup(i.Close)
	i.says(http.StatusServiceUnavailable, "")
	return i
}

func (i *issuer) says(status int, body string) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
	i.answer.Store(&handler)
}

// publish sets the keys; further ones are in JSON already.
func (i *issuer) publish(t *testing.T, signers []signer, more ...string) {
	t.Helper()
	keys := make([]json.RawMessage, 0, len(signers)+len(more))
	for _, s := range signers {
		keys = append(keys, json.RawMessage(jwk(t, s)))
	}
	for _, m := range more {
		keys = append(keys, json.RawMessage(m))
	}
	text, err := json.Marshal(map[string]any{"keys": keys})
	require.NoError(t, err)
	i.says(http.StatusOK, string(text))
}

// jwk is a public key in the form of RFC 7517.
func jwk(t *testing.T, s signer) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	key := map[string]string{"kid": s.kid, "alg": s.method.Alg(), "use": "sig"}
	switch k := s.key.Public().(type) {
	case *rsa.PublicKey:
		key["kty"], key["n"], key["e"] = "RSA", encode(k.N.Bytes()), encode(big.NewInt(int64(k.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		require.NoError(t, err)
		key["kty"], key["crv"], key["x"], key["y"] = "EC", "P-256", encode(point[1:33]), encode(point[33:])
	case ed25519.PublicKey:
		key["kty"], key["crv"], key["x"] = "OKP", "Ed25519", encode(k)
	}
	text, err := json.Marshal(key)
	require.NoError(t, err)
	return string(text)
}

// issued is a good token's claims for a verifier of jwksVerifier.
func issued(c jwt.MapClaims) { c["iss"], c["aud"] = "https://id.example", "bellhop" }

func jwksVerifier(t *testing.T, i *issuer, change func(*auth.JWKSConfig)) *auth.Verifier {
	t.Helper()
	cfg := auth.JWKSConfig{URL: i.URL + "/keys", Refresh: time.Hour, Retry: time.Hour, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	set, err := auth.OpenJWKS(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, set.Close()) })
	return verifier(t, func(c *auth.Issuer) {
		c.Secrets, c.JWKS, c.Issuer, c.Audience = nil, set, "https://id.example", "bellhop"
	})
}

func TestJWKSVerifies(t *testing.T) {
	t.Parallel()
	signers := []signer{newRSA(t), newEC(t), newEd(t)}
	i := newIssuer(t)
	i.publish(t, signers)
	v := jwksVerifier(t, i, nil)
	for _, s := range signers {
		_, err := v.Verify(s.token(t, claimsWith(issued), nil))
		require.NoError(t, err, s.method.Alg())
		_, err = v.Verify(s.token(t, claimsWith(func(c jwt.MapClaims) { issued(c); c["aud"] = "mail" }), nil))
		require.ErrorIs(t, err, auth.ErrToken, "for another service of the same issuer")
		_, err = v.Verify(s.token(t, claimsWith(nil), nil))
		require.ErrorIs(t, err, auth.ErrToken, "without issuer and audience")
	}
	require.EqualValues(t, 1, i.asked.Load(), "the keys are kept")
}

// TestJWKSSurvivesTheIssuer: whatever an issuer in trouble answers, the keys that
// it published before stay good.
func TestJWKSSurvivesTheIssuer(t *testing.T) {
	t.Parallel()
	s, i := newEC(t), newIssuer(t)
	i.publish(t, []signer{s})
	v := jwksVerifier(t, i, func(c *auth.JWKSConfig) { c.Refresh = 10 * time.Millisecond })
	token := s.token(t, claimsWith(issued), nil)
	for _, trouble := range []struct {
		status int
		body   string
	}{
		{http.StatusServiceUnavailable, "down"},
		{http.StatusOK, "<html>maintenance</html>"},
		{http.StatusOK, `{"error":"later"}`},
		{http.StatusOK, `{"keys":[]}`},
		{http.StatusOK, `{"keys":[` + strings.Repeat(" ", 2<<20) + jwk(t, s) + `]}`},
		{http.StatusFound, ""},
	} {
		i.says(trouble.status, trouble.body)
		before := i.asked.Load()
		require.Eventually(t, func() bool { return i.asked.Load() >= before+3 }, 10*time.Second, time.Millisecond)
		_, err := v.Verify(token)
		require.NoError(t, err, "after %d %.30s", trouble.status, trouble.body)
	}
	i.Close()
	_, err := v.Verify(token)
	require.NoError(t, err)
}

// TestJWKSStartsWithoutTheIssuer and finds its keys once it is back, whatever tokens
// come. Until then nobody's token is called bad that may be good.
func TestJWKSStartsWithoutTheIssuer(t *testing.T) {
	t.Parallel()
	s, ours, i := newEC(t), newRSA(t), newIssuer(t)
	set, err := auth.OpenJWKS(auth.JWKSConfig{URL: i.URL, Refresh: time.Hour, Retry: 10 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, set.Close()) })
	require.ErrorIs(t, set.Ready(t.Context()), auth.ErrKeysUnread)
	require.Zero(t, set.AsOf())
	v := verifier(t, func(c *auth.Issuer) {
		c.JWKS, c.Issuer, c.Audience, c.PublicKeys = set, "https://id.example", "bellhop", ours.pem(t)
	})
	token := func(s signer) string { return s.token(t, claimsWith(issued), nil) }
	other := newRSA(t)
	for _, unknown := range []string{token(s), token(other), s.token(t, claimsWith(issued), map[string]any{"kid": 7})} {
		_, err := v.Verify(unknown)
		require.ErrorIs(t, err, auth.ErrKeysUnread)
		require.NotErrorIs(t, err, auth.ErrToken)
	}
	for _, bad := range []string{"", "x.y.z", sign(t, jwt.SigningMethodHS256, []byte(otherSecret), claimsWith(issued)), sign(t, jwt.SigningMethodHS512, []byte(otherSecret), claimsWith(issued))} {
		_, err := v.Verify(bad)
		require.ErrorIs(t, err, auth.ErrToken, "no key of the issuer would help")
	}
	for _, good := range []string{token(ours), sign(t, jwt.SigningMethodHS256, []byte(secret), claimsWith(issued))} {
		_, err := v.Verify(good)
		require.NoError(t, err, "keys of the configuration need no issuer")
	}

	i.publish(t, []signer{s})
	require.Eventually(t, func() bool { return set.Ready(t.Context()) == nil }, 10*time.Second, time.Millisecond,
		"nobody has to bring a token for that")
	require.WithinDuration(t, time.Now(), set.AsOf(), time.Minute)
	_, err = v.Verify(token(s))
	require.NoError(t, err)
	_, err = v.Verify(token(other))
	require.ErrorIs(t, err, auth.ErrToken)
}

// TestJWKSFollowsNoRedirect: it could lead anywhere, and in the clear.
func TestJWKSFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	i, elsewhere := newIssuer(t), newIssuer(t)
	elsewhere.publish(t, []signer{newEC(t)})
	redirect := http.RedirectHandler(elsewhere.URL, http.StatusFound).ServeHTTP
	i.answer.Store((*http.HandlerFunc)(&redirect))
	set, err := auth.OpenJWKS(auth.JWKSConfig{URL: i.URL, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, set.Close()) })
	require.EqualValues(t, 1, i.asked.Load())
	require.Zero(t, elsewhere.asked.Load())
	require.ErrorIs(t, set.Ready(t.Context()), auth.ErrKeysUnread)
}

// TestJWKSFindsANewKey at once, not at the next reading in turn.
func TestJWKSFindsANewKey(t *testing.T) {
	t.Parallel()
	older, newer, i := newEC(t), newEC(t), newIssuer(t)
	newer.kid = "ec-2"
	i.publish(t, []signer{older})
	v := jwksVerifier(t, i, nil)
	i.publish(t, []signer{newer})
	_, err := v.Verify(newer.token(t, claimsWith(issued), nil))
	require.NoError(t, err)
	_, err = v.Verify(older.token(t, claimsWith(issued), nil))
	require.ErrorIs(t, err, auth.ErrToken, "a key that was taken back is no good")
}

// TestJWKSTakesAKeyReplacedUnderItsName: the set is read once more when a signature
// does not fit.
func TestJWKSTakesAKeyReplacedUnderItsName(t *testing.T) {
	t.Parallel()
	older, newer, i := newEC(t), newEC(t), newIssuer(t)
	i.publish(t, []signer{older})
	v := jwksVerifier(t, i, nil)
	i.publish(t, []signer{newer})
	_, err := v.Verify(newer.token(t, claimsWith(issued), nil))
	require.NoError(t, err)
	require.EqualValues(t, 2, i.asked.Load())
	_, err = v.Verify(older.token(t, claimsWith(issued), nil))
	require.ErrorIs(t, err, auth.ErrTokenSignature)
}

// TestJWKSRotatesUnderAFlood of made-up keys: those that are known never wait for the
// issuer, however slow it is, and the new one works within two turns.
func TestJWKSRotatesUnderAFlood(t *testing.T) {
	t.Parallel()
	older, newer, stranger, i := newEC(t), newEC(t), newEC(t), newIssuer(t)
	newer.kid = "ec-2"
	i.publish(t, []signer{older})
	const retry = 500 * time.Millisecond
	v := jwksVerifier(t, i, func(c *auth.JWKSConfig) { c.Retry = retry })
	i.publish(t, []signer{older, newer})
	keys, hold := *i.answer.Load(), make(chan struct{})
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-hold
		keys(w, r)
	})
	i.answer.Store(&slow)
	answer := sync.OnceFunc(func() { close(hold) })
	t.Cleanup(answer)

	began := time.Now()
	var flood sync.WaitGroup
	flooded := make(chan struct{})
	t.Cleanup(flood.Wait)
	t.Cleanup(sync.OnceFunc(func() { close(flooded) }))
	for n := range 4 {
		flood.Go(func() {
			for k := 0; ; k++ {
				select {
				case <-flooded:
					return
				default:
				}
				_, err := v.Verify(stranger.token(t, claimsWith(issued), map[string]any{"kid": fmt.Sprintf("made-up-%d-%d", n, k)}))
				require.ErrorIs(t, err, auth.ErrToken)
			}
		})
	}
	require.Eventually(t, func() bool { return i.asked.Load() >= 2 }, 30*time.Second, time.Millisecond)
	for range 100 { // the issuer says nothing at all meanwhile
		_, err := v.Verify(older.token(t, claimsWith(issued), nil))
		require.NoError(t, err)
	}
	answer()
	require.Eventually(t, func() bool {
		_, err := v.Verify(newer.token(t, claimsWith(issued), nil))
		return err == nil
	}, 30*time.Second, time.Millisecond)
	require.LessOrEqual(t, i.asked.Load(), int64(3+time.Since(began)/retry), "the issuer is asked no more often")
}

// TestAttackKidInjectionWithJWKS: a made-up kid opens nothing, reaches no other
// address than the issuer's, and asks that one hardly more often.
func TestAttackKidInjectionWithJWKS(t *testing.T) {
	t.Parallel()
	ours, theirs, i := newRSA(t), newRSA(t), newIssuer(t)
	i.publish(t, []signer{ours})
	v := jwksVerifier(t, i, nil)
	began := time.Now()
	for range 20 {
		for _, kid := range append(strangeKids, strings.Repeat("k", 4000)) {
			header := map[string]any{"kid": kid, "jku": i.URL + "/evil"}
			_, err := v.Verify(theirs.token(t, claimsWith(issued), header))
			require.ErrorIs(t, err, auth.ErrToken, kid)
		}
	}
	require.LessOrEqual(t, i.asked.Load(), int64(2))
	require.Less(t, time.Since(began), 20*time.Second, "nobody waits for the issuer")
	_, err := v.Verify(ours.token(t, claimsWith(issued), nil))
	require.NoError(t, err)
}

// TestAttackSymmetricKeyInTheSet: a secret that somebody published by mistake
// verifies nothing, not even where HS256 is allowed for another key.
func TestAttackSymmetricKeyInTheSet(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.publish(t, []signer{newEC(t)}, `{"kty":"oct","kid":"oct-1","k":"`+base64.RawURLEncoding.EncodeToString([]byte(otherSecret))+`"}`)
	set, err := auth.OpenJWKS(auth.JWKSConfig{URL: i.URL, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, set.Close()) })
	v := verifier(t, func(c *auth.Issuer) { c.JWKS, c.Issuer, c.Audience = set, "https://id.example", "bellhop" })
	for _, kid := range []any{"oct-1", nil} {
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, claimsWith(issued))
		if kid != nil {
			token.Header["kid"] = kid
		}
		text, err := token.SignedString([]byte(otherSecret))
		require.NoError(t, err)
		_, err = v.Verify(text)
		require.ErrorIs(t, err, auth.ErrToken)
	}
	_, err = v.Verify(sign(t, jwt.SigningMethodHS256, []byte(secret), claimsWith(issued)))
	require.NoError(t, err, "the configured secret still does")
}

func TestJWKSIsRefused(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "keys", "ftp://id.example/keys", "http://id.example/keys", "https:///keys", "https://u:p@id.example/keys", "https://%zz/"} {
		_, err := auth.OpenJWKS(auth.JWKSConfig{URL: address})
		require.ErrorIs(t, err, auth.ErrTokenKey, address)
	}
	i := newIssuer(t)
	set, err := auth.OpenJWKS(auth.JWKSConfig{URL: i.URL, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	require.NoError(t, set.Close())
	require.NoError(t, set.Close(), "twice")
	for _, issuer := range []auth.Issuer{{JWKS: set}, {JWKS: set, Issuer: "x"}, {JWKS: set, Audience: "x"}} {
		_, err := auth.NewVerifier(auth.TokenConfig{Issuers: []auth.Issuer{issuer}})
		require.ErrorIs(t, err, auth.ErrTokenKey)
	}
}
