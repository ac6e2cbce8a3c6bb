package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
)

// TestEachAlgorithmOfAKey is taken: what issuers sign with is their choice.
func TestEachAlgorithmOfAKey(t *testing.T) {
	t.Parallel()
	r := newRSA(t)
	curve := func(c elliptic.Curve) *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(c, rand.Reader)
		require.NoError(t, err)
		return key
	}
	p256, p384, p521 := curve(elliptic.P256()), curve(elliptic.P384()), curve(elliptic.P521())
	pem := r.pem(t)
	for _, key := range []*ecdsa.PrivateKey{p256, p384, p521} {
		pem = append(pem, signer{key: key}.pem(t)...)
	}
	v := verifier(t, func(i *auth.Issuer) { i.PublicKeys = pem })
	for method, key := range map[jwt.SigningMethod]any{
		jwt.SigningMethodHS256: []byte(secret), jwt.SigningMethodHS384: []byte(secret), jwt.SigningMethodHS512: []byte(secret),
		jwt.SigningMethodRS256: r.key, jwt.SigningMethodRS384: r.key, jwt.SigningMethodRS512: r.key,
		jwt.SigningMethodPS256: r.key, jwt.SigningMethodPS384: r.key, jwt.SigningMethodPS512: r.key,
		jwt.SigningMethodES256: p256, jwt.SigningMethodES384: p384, jwt.SigningMethodES512: p521,
	} {
		_, err := v.Verify(sign(t, method, key, claimsWith(nil)))
		require.NoError(t, err, method.Alg())
	}
}

// TestWhoATokenNames: texts by their exact bytes, whole numbers, and claims of any
// path.
func TestWhoATokenNames(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		claim string
		value any // of the whole token, beside exp
		want  string
	}{
		"a text":                     {"", map[string]any{"sub": "Jane Doe"}, "Jane Doe"},
		"a number":                   {"", map[string]any{"sub": 42}, "42"},
		"a long number":              {"", map[string]any{"sub": jsonNumber("12345678901234567890")}, "12345678901234567890"},
		"another claim":              {"user_id", map[string]any{"sub": "x", "user_id": 7}, "7"},
		"within":                     {"realm.user_id", map[string]any{"realm": map[string]any{"user_id": "mina"}}, "mina"},
		"a name with dots":           {"https://id.example/user", map[string]any{"https://id.example/user": "mina"}, "mina"},
		"within a name with dots":    {"https://id.example/app.user", map[string]any{"https://id.example/app": map[string]any{"user": "mina"}}, "mina"},
		"the whole name comes first": {"a.b", map[string]any{"a.b": "mina", "a": map[string]any{"b": "tom"}}, "mina"},
	} {
		c, err := verifier(t, func(i *auth.Issuer) { i.UserClaim = tc.claim }).Verify(signWith(t, tc.value))
		require.NoError(t, err, name)
		require.Equal(t, tc.want, c.Subject, name)
	}
	for name, tc := range map[string]struct {
		claim string
		value any
		want  error
	}{
		"none":                      {"", map[string]any{}, auth.ErrTokenClaim},
		"only within":               {"a.b", map[string]any{"a": "b"}, auth.ErrTokenClaim},
		"of another case":           {"a.b", map[string]any{"A": map[string]any{"b": "mina"}}, auth.ErrTokenClaim},
		"empty":                     {"", map[string]any{"sub": ""}, auth.ErrTokenSubject},
		"a fraction":                {"", map[string]any{"sub": 4.5}, auth.ErrTokenSubject},
		"a number with an exponent": {"", map[string]any{"sub": jsonNumber("4e2")}, auth.ErrTokenSubject},
		"true":                      {"", map[string]any{"sub": true}, auth.ErrTokenSubject},
		"null":                      {"", map[string]any{"sub": nil}, auth.ErrTokenSubject},
		"a list":                    {"", map[string]any{"sub": []string{"42"}}, auth.ErrTokenSubject},
		"half a character":          {"", map[string]any{"sub": jsonNumber(`"\ud800"`)}, auth.ErrTokenSubject},
		"too long":                  {"", map[string]any{"sub": strings.Repeat("a", 1025)}, auth.ErrTokenSubject},
	} {
		_, err := verifier(t, func(i *auth.Issuer) { i.UserClaim = tc.claim }).Verify(signWith(t, tc.value))
		require.ErrorIs(t, err, tc.want, name)
		require.ErrorIs(t, err, auth.ErrToken, name)
	}
}

// jsonNumber is JSON as it stands.
type jsonNumber string

func (n jsonNumber) MarshalJSON() ([]byte, error) { return []byte(n), nil }

func signWith(t *testing.T, claims any) string {
	t.Helper()
	all, ok := claims.(map[string]any)
	require.True(t, ok)
	all["exp"] = now.Add(time.Hour).Unix()
	return sign(t, jwt.SigningMethodHS256, []byte(secret), all)
}

// TestIssuersStayApart: each token is judged by the keys, the audience and the claim
// of the issuer that it names, and nobody gets the inbox of somebody else's 42.
func TestIssuersStayApart(t *testing.T) {
	t.Parallel()
	v, err := auth.NewVerifier(auth.TokenConfig{Now: func() time.Time { return now }, Issuers: []auth.Issuer{
		{Secrets: []string{secret}},
		{Secrets: []string{otherSecret}, Issuer: "https://partner.example", Audience: "bellhop", UserClaim: "uid", SubjectPrefix: "partner:"},
		{Secrets: []string{secret + "3"}, Issuer: "https://sub.partner.example", SubjectPrefix: "partner:sub:"},
	}})
	require.NoError(t, err)
	verify := func(key string, change func(jwt.MapClaims)) (string, error) {
		c, err := v.Verify(sign(t, jwt.SigningMethodHS256, []byte(key), claimsWith(change)))
		if err != nil {
			return "", err
		}
		return c.Subject, nil
	}
	partner := func(c jwt.MapClaims) { c["iss"], c["aud"], c["uid"] = "https://partner.example", "bellhop", "42" }
	for _, tc := range []struct {
		key    string
		change func(jwt.MapClaims)
		want   string
		err    error
	}{
		{secret, nil, "42", nil},
		{secret, func(c jwt.MapClaims) { c["iss"] = "anybody" }, "42", nil},
		{otherSecret, partner, "partner:42", nil},
		{secret, partner, "", auth.ErrTokenSignature},
		{otherSecret, nil, "", auth.ErrTokenSignature},
		{otherSecret, func(c jwt.MapClaims) { partner(c); c["aud"] = "mail" }, "", auth.ErrTokenAudience},
		{secret, func(c jwt.MapClaims) { c["sub"] = "partner:42" }, "", auth.ErrTokenForeign},
		{secret, func(c jwt.MapClaims) { c["sub"] = "partner" }, "partner", nil},
		{otherSecret, func(c jwt.MapClaims) { partner(c); c["uid"] = "sub:42" }, "", auth.ErrTokenForeign},
	} {
		got, err := verify(tc.key, tc.change)
		require.Equal(t, tc.want, got)
		require.ErrorIs(t, err, tc.err)
	}
	for name, issuers := range map[string][]auth.Issuer{
		"two that take any name": {{Secrets: []string{secret}}, {Secrets: []string{secret}, SubjectPrefix: "b:"}},
		"one twice":              {{Secrets: []string{secret}, Issuer: "a"}, {Secrets: []string{secret}, Issuer: "a", SubjectPrefix: "b:"}},
		"the same prefix":        {{Secrets: []string{secret}, Issuer: "a"}, {Secrets: []string{secret}, Issuer: "b"}},
		"none":                   {},
	} {
		_, err := auth.NewVerifier(auth.TokenConfig{Issuers: issuers})
		require.ErrorIs(t, err, auth.ErrTokenKey, name)
	}
}

// TestEachRefusalHasItsCode, and one of its own.
func TestEachRefusalHasItsCode(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, e := range auth.TokenErrors {
		require.Regexp(t, "^token_[a-z_]+$", e.Code)
		require.False(t, seen[e.Code], e.Code)
		seen[e.Code] = true
		require.Equal(t, e.Code, auth.TokenCode(fmt.Errorf("because: %w", e)))
		require.ErrorIs(t, e, auth.ErrToken)
	}
	require.Empty(t, auth.TokenCode(auth.ErrKeysUnread))
	require.Empty(t, auth.TokenCode(nil))
}

// TestLeewayIsASetting for clocks that differ by more, or by nothing.
func TestLeewayIsASetting(t *testing.T) {
	t.Parallel()
	for leeway, most := range map[time.Duration]time.Duration{0: auth.DefaultLeeway, 5 * time.Minute: 5 * time.Minute, -1: 0} {
		v, err := auth.NewVerifier(auth.TokenConfig{
			Issuers: []auth.Issuer{{Secrets: []string{secret}}}, Leeway: leeway, Now: func() time.Time { return now },
		})
		require.NoError(t, err)
		for _, claim := range []string{"iat", "nbf"} {
			at := func(ahead time.Duration) string {
				return sign(t, jwt.SigningMethodHS256, []byte(secret), claimsWith(func(c jwt.MapClaims) { c[claim] = now.Add(ahead).Unix() }))
			}
			_, err = v.Verify(at(most))
			require.NoError(t, err)
			_, err = v.Verify(at(most + time.Second))
			require.ErrorIs(t, err, auth.ErrTokenEarly)
		}
	}
}
